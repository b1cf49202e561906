"""A small listing of each format of the field, after its documentation, for the tests of detection."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ACTIVITYNET = {
    "version": "VERSION 1.3",
    "taxonomy": [{"parentName": "Root", "nodeName": "Sports", "nodeId": 1, "parentId": 0}],
    "database": {
        "sJULzuSPcuk": {
            "duration": 139.84,
            "subset": "training",
            "resolution": "320x240",
            "url": "https://example.com/sJULzuSPcuk",
            "annotations": [
                {"segment": [1.01, 38.01], "label": "Ping-pong"},
                {"segment": [40.0, 61.5], "label": "Drinking beer"},
            ],
        },
        "-A7kvJa9aXc": {"duration": 30.0, "subset": "testing", "resolution": "320x240", "annotations": []},
    },
}
KINETICS = {
    "---QUuC4vJs": {
        "annotations": {"label": "testifying", "segment": [84.0, 94.0]},
        "duration": 10.0,
        "subset": "train",
        "url": "https://example.com/---QUuC4vJs",
    }
}
SOMETHING = [
    {
        "id": "78687",
        "label": "holding potato next to vicks vaporub bottle",
        "template": "Holding [something] next to [something]",
        "placeholders": ["potato", "vicks vaporub bottle"],
    },
    {"id": "42326", "label": "putting cup behind plate", "template": "Putting [something] behind [something]"},
]
DIVING48 = [{"vid_name": "dWVAMUzgmVE_00000", "label": 26, "start_frame": 0, "end_frame": 89}]
FINEGYM = {
    "A0xAXXysHUo": {
        "E_002184_002237": {"event": 1, "segments": {"A_0035_0036": {"stages": 1}}, "timestamps": [[2184.0, 2237.5]]}
    }
}
I3D = {"7UPGT": {"subset": "training", "duration": 31.96, "actions": [[77, 12.1, 18.0], [79, 12.1, 18.0]]}}
WLASL = [
    {
        "gloss": "book",
        "instances": [
            {
                "bbox": [385, 37, 885, 720],
                "fps": 25,
                "frame_end": -1,
                "frame_start": 1,
                "instance_id": 0,
                "signer_id": 118,
                "source": "aslbrick",
                "split": "train",
                "url": "https://example.com/book.mp4",
                "variation_id": 0,
                "video_id": "69241",
            },
            {"frame_end": 75, "frame_start": 11, "split": "val", "source": "aslpro", "video_id": "07069"},
        ],
    },
    {"gloss": "drink", "instances": [{"frame_end": -1, "frame_start": 1, "split": "test", "video_id": "69302"}]},
]
MSRVTT = {
    "info": {"contributor": "", "year": "2016", "version": "1.0"},
    "videos": [
        {
            "category": 9,
            "url": "https://example.com/9lZi22qLlEo",
            "video_id": "video0",
            "start time": 137.72,
            "end time": 149.44,
            "split": "train",
            "id": 0,
        },
        {"category": 16, "video_id": "video1", "start time": 184.33, "end time": 200.34, "split": "validate", "id": 1},
    ],
    "sentences": [
        {"caption": "a car is shown", "video_id": "video0", "sen_id": 0},
        {"caption": "in a kitchen a woman adds things", "video_id": "video1", "sen_id": 1},
        {"caption": "a man drives", "video_id": "video0", "sen_id": 2},
    ],
}
HVU = [{"filename": "tmp.mp4", "label": {"action": [180], "scene": [206, 3]}}]

CHARADES = (
    "id,subject,scene,quality,relevance,verified,script,objects,descriptions,actions,length\n"
    '46GP8,HR43,Kitchen,6,7,Yes,"A person cooks, then drinks.",food,"Somebody, and a stove",'
    "c092 11.90 21.20;c147 0.00 12.60,24.83\n"
    "YSKX3,0KZ7,Bedroom,5,6,Yes,A person lies.,bed,,,30.00\n"
)
EPIC = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,"
    "narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
    "P01_01_0,P01,P01_01,00:00:01.089,00:00:00.14,00:00:03.37,8,202,open door,open,3,door,3,\"['door']\",[3]\n"
)

#: Format, name of the file, and what stands in it.
TEXTS: list[tuple[str, str, str]] = [
    ("json", "activity_net.v1-3.min.json", json.dumps(ACTIVITYNET)),
    ("json", "activity_net_pretty.json", json.dumps(ACTIVITYNET, indent=2)),
    ("json", "kinetics_train.json", json.dumps(KINETICS)),
    ("json", "something-something-v2-train.json", json.dumps(SOMETHING, indent=1)),
    ("json", "something-something-v2-test.json", '[{"id": "1420"}, {"id": "3690"}]'),
    ("json", "Diving48_V2_train.json", json.dumps(DIVING48)),
    ("json", "finegym_annotation_info_v1.1.json", json.dumps(FINEGYM)),
    ("json", "hvu_video_test_anno.json", json.dumps(HVU, indent=2)),
    ("json", "charades.json", json.dumps(I3D)),
    ("json", "WLASL_v0.3.json", json.dumps(WLASL, indent=4)),
    ("json", "train_val_videodatainfo.json", json.dumps(MSRVTT)),
    ("thumos", "BaseballPitch_val.txt", "video_validation_0000266  72.8 76.4\nvideo_validation_0000681  44.0 50.9\n"),
    ("list", "gym99_train_element_v1.1.txt", "A0xAXXysHUo_E_002184_002237_A_0035_0036 0\n"),
    ("jsonl", "metadata.jsonl", '{"file_name": "a/x.mp4", "label": "jump"}\n'),
    ("csv", "metadata.csv", "file_name,label\nx.mp4,jump\n"),
    ("csv", "mine.tsv", "path\tlabel\nx.mp4\tjump\n"),
    ("csv", "EPIC_100_train.csv", EPIC),
    ("csv", "jester_Train.csv", 'video_id,label,frames,label_id,shape,format\n100218,Drumming,37,4,"(100, 176)",jpg\n'),
    ("charades", "Charades_v1_train.csv", CHARADES),
    ("kinetics", "k400_val.csv", "label,youtube_id,time_start,time_end,split\nx,-0Yb1tD3HUo,1,11,val\n"),
    ("kinetics", "HVU_Train_V1.0.csv", "Tags,youtube_id,time_start,time_end\nrun|park,-0Yb1tD3HUo,1,11\n"),
    (
        "hacs",
        "HACS_clips_v1.1.1.csv",
        "classname,youtube_id,subset,start,end,label\nArchery,-0Yb1tD3HUo,training,1.0,3.0,1\n",
    ),
    ("list", "k400_train_list_videos.txt", "run/x.mp4 3\nrun/y.mp4 3\n"),
    ("list", "multi.txt", "x.mp4 0 3\ny.mp4 1\n"),
    ("list", "slowfast.csv", "run/x.mp4,3\nrun/y.mp4,3\n"),
    ("list", "tab.list", "run/x.mp4\t3\n"),
    ("rawframes", "rawframes.txt", "some/dir/x 163 1\nsome/dir/y 122 1\n"),
    ("rawframes", "sthv2.txt", "74225 156 140\n116154 129 127\n"),
    ("rawframes", "videomae.csv", "frames/x,1,156,140\nframes/y,1,129,127\n"),
    ("rawframes", "with_offset.txt", "imgs 2 5 127\nimgs 2 5 127\n"),
    ("jester", "jester-v1-train.csv", "100218;Drumming Fingers\n126869;Sliding Two Fingers Right\n"),
    ("jester", "jester-v1-test.csv", "115393\n122183\n"),
    ("ava", "ava_train_v2.2.csv", "-5KQ66BBWC4,0902,0.077,0.151,0.283,0.811,80,1\n"),
    ("ava", "ava_test_v2.2.csv", "-5KQ66BBWC4,0902,,,,,,\n"),
    ("ava", "kinetics_val_v1.0.csv", "4YTwq0-73Y4,53.5,0.1,0.2,0.3,0.4,12\n"),
    ("moments", "trainingSet.csv", "clapping/flickr-0-8-1.mp4,clapping,3,0\nadult+male/a_b.mp4,adult+male,2,1\n"),
    (
        "ucf-crime",
        "Temporal_Anomaly_Annotation_for_Testing_Videos.txt",
        "Abuse028_x264.mp4  Abuse  165  240  -1  -1  \nNormal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1  \n",
    ),
    ("ucf", "trainlist01.txt", "Archery/v_Archery_g01_c01.avi 1\n"),
    ("hmdb", "wave_test_split1.txt", "a b !.avi 1 \nc.avi 0\n"),
]


def write_all(folder: Path) -> list[tuple[str, Path]]:
    """Write every listing, and one of Parquet; returns the format and the path of each."""
    written = []
    for number, (name, file, text) in enumerate(TEXTS):
        path = folder / str(number) / file
        path.parent.mkdir(parents=True)
        path.write_text(text)
        written.append((name, path))
    path = folder / "metadata.parquet"
    pq.write_table(pa.table({"file_name": ["a.mp4", "b.mp4"], "label": ["run", "jump"]}), path)
    return [*written, ("parquet", path)]
