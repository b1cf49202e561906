"""The lists of Jester and Something-Something v1."""

from __future__ import annotations

from listed import Listed, write


def test_ids_and_labels_with_the_classes_beside_them(tmp_path):
    write(tmp_path / "jester-v1-labels.csv", "Swiping Left\nDrumming Fingers\nNo gesture\n")
    path = write(
        tmp_path / "jester-v1-train.csv", "100218;Drumming Fingers\n\n12;Swiping Left\nx;No gesture\n7;Waving\n"
    )
    read = Listed(path)
    assert read.options.format == "jester"
    assert [(clip.video, clip.label, clip.label_number, clip.split) for clip in read.clips] == [
        ("100218", "Drumming Fingers", 1, "train"),
        ("12", "Swiping Left", 0, "train"),
    ]
    assert read.classes() == ["Swiping Left", "Drumming Fingers", "No gesture"]
    assert [failure.row for failure in read.failures] == [4, 5]


def test_lists_of_tests_have_ids_alone(tmp_path):
    read = Listed(write(tmp_path / "something-something-v1-test.csv", "1420\n3690\n"))
    assert [(clip.video, clip.label, clip.split) for clip in read.clips] == [
        ("1420", None, "test"),
        ("3690", None, "test"),
    ]
