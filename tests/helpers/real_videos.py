"""What becomes of the real videos of ../shared/data."""

from __future__ import annotations

#: Decoding all of them takes as long as all others together; test_proof does a part.
LONG = "awkward/long/androidx_long_1080p_10883frames_446KB.mp4"
#: Frames where facts.csv stopped at the first error, and we pass over bad packets.
MORE = {
    "awkward/containers/phpffmpeg_Test_theora_undecodable.ogv": 41,  # an empty packet means "the same again"
}
#: Why the others are no clips.
REFUSED = {
    "awkward/audio_only/small_webm-with-audio.webm": "no_video_stream",
    "awkward/audio_only/tensorflow_io_gs-16b-2c-44100hz.mp4": "no_video_stream",
    "awkward/corrupt/androidx_sample_with_invalid_nalu.mp4": "corrupt",  # a bad packet, and one behind it, of 30
    "awkward/corrupt/decord_corrupted.mp4": "corrupt",  # 1 bad packet of 50, and 20 frames predicted from it
    "awkward/corrupt/fate_h264_truncated_708claimed_64decoded.mp4": "truncated",
    "awkward/corrupt/fate_mov-3elist-encrypted.mp4": "corrupt",
    "awkward/corrupt/fate_mpeg4_demo_1319claimed_0decoded.mp4": "truncated",
    "awkward/corrupt/fate_tscc_partial_50848claimed.avi": "truncated",
    "awkward/corrupt/lerobot_git-lfs-pointer_clip_4frames.mp4": "not_a_video",
    "awkward/corrupt/libwebm_accurate_cluster_duration.webm": "corrupt",
    "awkward/corrupt/libwebm_block_ends_beyond_cluster.mkv": "truncated",
    "awkward/corrupt/libwebm_projection_float_overflow.webm": "truncated",
    "awkward/corrupt/libwebm_set_segment_duration.webm": "corrupt",
    "awkward/corrupt/mmpose_header_only_258b.mp4": "no_video_stream",
    "awkward/corrupt/mp4parse_invalid_userdata.mp4": "truncated",
    "awkward/corrupt/mp4parse_no_timescale.mp4": "corrupt",  # 12 bad packets of 182
    "awkward/corrupt/streamio_empty.flv": "not_a_video",
    "awkward/editlist/fate_empty_edit_5s.mp4": "corrupt",  # its decoder flags 29 frames of 100 as damaged
    "awkward/interlaced/fate_mpeg2_field_encoding_wrongext.mp4": "truncated",  # cut inside a transport packet
    "awkward/nokeyframe/fate_h264_intra_first-small.mp4": "truncated",  # likewise
    "awkward/raw_stream/openh264_Error_I_P.264": "corrupt",  # and 5 of 6
    "awkward/rotation/fate_displaymatrix.mp4": "truncated",  # 708 frames in its index, 33 in the file
}
