"""Mounts, kernel limits and permissions, each for real in namespaces of its own."""

from pathlib import Path

from namespaced import play


def test_the_watch_limit_polls_what_is_left_out_and_is_cleared(tmp_path: Path) -> None:
    """Twelve watches for thirty folders: every model is found, and the message has the numbers."""
    seen = play("watch_limit", tmp_path)
    assert seen["unwatched"] == 19
    assert len(seen["polled"]) == 19
    assert seen["later"] == {}
    assert seen["missed"] == 0
    reached = [line for line in seen["log"].splitlines() if "watch_limit_reached" in line]
    assert len(reached) == 1
    assert "user.max_inotify_watches=31 (now 12)" in reached[0]


def test_without_an_inotify_instance_the_root_is_polled(tmp_path: Path) -> None:
    """Not silent, and over as soon as there is one."""
    seen = play("instance_limit", tmp_path)
    assert "max_inotify_instances" in seen["polled"][""]
    assert seen["unwatched"] == 1
    assert seen["later"] == {}


def test_a_blind_mount_is_found_out_and_polled(tmp_path: Path) -> None:
    """An overlay changed below its mount: the audit counts it, the rest keeps its events."""
    seen = play("blind_mount", tmp_path)
    assert seen["missed"] >= 1
    assert list(seen["polled"]) == ["remote"]


def test_a_remote_part_of_a_root_is_polled(tmp_path: Path) -> None:
    """A change there needs no event and no whole scan."""
    seen = play("remote_part", tmp_path)
    assert list(seen["polled"]) == ["part"]
    assert "nfs4" in seen["polled"]["part"]
    assert seen["whole"] == 1


def test_an_unmounted_root_is_an_outage_until_it_is_back_or_confirmed(tmp_path: Path) -> None:
    """Its models are never gone by themselves."""
    seen = play("unmounted", tmp_path)
    assert "empty, and 1 models were there" in seen["reason"]
    assert "tflited confirm models" in seen["reason"]
    assert "gone" not in seen["sights"]


def test_another_device_with_other_models_needs_a_word(tmp_path: Path) -> None:
    """Nothing on it is taken in before."""
    seen = play("other_device", tmp_path)
    assert "0 of the 3 models" in seen["reason"]
    assert seen["told"] == []


def test_a_lost_mount_below_a_root_freezes_its_models_only(tmp_path: Path) -> None:
    """The trouble says so; a change beside it is found; no event was missed."""
    seen = play("lost_part", tmp_path)
    assert "not mounted" in seen["trouble"]
    assert "gone" not in seen["sights"]
    assert seen["missed"] == 0


def test_an_unreadable_folder_is_trouble_and_not_absence(tmp_path: Path) -> None:
    """E: it is looked at as soon as it may be read, watched from then on, and never gone."""
    seen = play("unreadable", tmp_path)
    assert seen["trouble"] == "Permission denied"
    assert seen["last"] == "admitted"
