from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.ids import RunId, SnapshotId
from chalicelib.core.versions import NamedVersion, PublishedVersion, SameVersion
from chalicelib.dialects.restate.ids import (
    IdInvalid,
    partition_key,
    read_deployment,
    read_run_id,
    read_version_id,
    write_run_id,
    write_version_id,
)

SNAPSHOT = SnapshotId("snap_00112233445566778899aabbccddeeff")

runs = st.uuids().map(lambda uuid: RunId(str(uuid)))


class TestInvocationIds:
    @given(runs, runs)
    def test_a_run_is_read_back_from_its_id(self, run, root):
        assert read_run_id(write_run_id(run, root)) == run

    @given(runs, runs)
    def test_an_id_is_a_prefix_and_33_characters_of_base62(self, run, root):
        text = write_run_id(run, root)
        assert len(text) == 38
        assert text.startswith("inv_1")
        assert text[4:].isascii()
        assert text[4:].isalnum()

    @given(runs, runs, runs)
    def test_runs_of_a_lineage_share_the_first_16_characters(self, run, other, root):
        assert write_run_id(run, root)[:16] == write_run_id(other, root)[:16]

    @given(runs, runs)
    def test_the_first_number_is_the_lineages_partition_key(self, run, root):
        assert 0 <= partition_key(root) < 2**64
        assert write_run_id(run, root)[:16] == write_run_id(run, root)[:5] + _base62(partition_key(root), 8, 11)

    @pytest.mark.parametrize(
        ("text", "milliseconds"),
        [  # ids of real servers, in restatedev's and others' public examples: ULIDs of when they were written
            ("inv_1i8DzzOL6iN178sv2hRPz1aZ32v3lNyhWh", 1719848678186),
            ("inv_1gSomuaZJqT10TzzSN1nTOFycg8aggtPrj", 1719699109816),
            ("inv_1i8DzzOL6iN17u6DCDTNaXM5CXyZcRABXP", 1720205040844),
        ],
    )
    def test_a_real_servers_id_holds_a_ulid(self, text, milliseconds):
        assert int.from_bytes(UUID(read_run_id(text)).bytes[:6], "big") == milliseconds

    def test_what_nobodys_id_can_be_is_still_an_id(self):
        assert read_run_id("inv_1" + 33 * "0") == "00000000-0000-0000-0000-000000000000"

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "bad length"),
            ("nope", "bad format"),
            ("xyz_1" + 33 * "0", "unrecognized resource type: xyz"),
            ("INV_1" + 33 * "0", "unrecognized resource type: INV"),
            ("_1" + 33 * "0", "unrecognized resource type: "),
            ("inv_", "bad length"),
            ("dp_", "bad length"),
            ("inv_2" + 33 * "0", "unrecognized codec version"),
            ("dp_2", "unrecognized codec version"),
            ("dp_1" + 22 * "0", "id doesn't match the expected type"),
            ("vq_1", "id doesn't match the expected type"),
            ("inv_1", "bad length"),
            ("inv_1" + 32 * "0", "bad length"),
            ("inv_1" + 32 * "!", "bad length"),
            ("inv_1" + 32 * "0" + "-", "base62 decode error"),
            ("inv_1" + 32 * "0" + "é", "base62 decode error"),
            ("inv_1" + 11 * "Z" + 22 * "0", "base62 decode error"),
            ("inv_1" + 11 * "0" + 22 * "Z", "base62 decode error"),
            ("inv_1" + 34 * "Z", "base62 decode error"),
            ("inv_1" + 34 * "0", "bad length"),
        ],
    )
    def test_what_is_no_id_is_told_as_the_server_does(self, text, reason):
        with pytest.raises(IdInvalid) as refused:
            read_run_id(text)

        assert refused.value.reason == reason
        assert refused.value.message == f"The request field 'invocation_id' is invalid. Reason: {reason}"

    def test_the_greatest_numbers_are_read_and_the_next_are_not(self):
        greatest = f"inv_1{_base62(2**64 - 1, 8, 11)}{_base62(2**128 - 1, 16, 22)}"
        assert read_run_id(greatest) == "ffffffff-ffff-ffff-ffff-ffffffffffff"
        with pytest.raises(IdInvalid, match="base62"):
            read_run_id("inv_1" + _digits(2**64, 11) + 22 * "0")
        with pytest.raises(IdInvalid, match="base62"):
            read_run_id("inv_1" + 11 * "0" + _digits(2**128, 22))

    @given(st.text(max_size=60))
    def test_any_text_is_an_id_or_refused(self, text):
        try:
            run = read_run_id(text)
        except IdInvalid:
            return
        assert str(UUID(run)) == run


class TestDeploymentIds:
    @given(st.binary(min_size=16, max_size=16))
    def test_a_version_is_read_back_from_its_id(self, number):
        snapshot = SnapshotId(f"snap_{number.hex()}")
        text = write_version_id(snapshot)
        assert len(text) == 26
        assert read_version_id(text) == snapshot

    @pytest.mark.parametrize(
        ("given", "version"),
        [
            (None, PublishedVersion()),
            ("latest", PublishedVersion()),
            ("Latest", PublishedVersion()),
            ("keep", SameVersion()),
            ("Keep", SameVersion()),
            (write_version_id(SNAPSHOT), NamedVersion(SNAPSHOT)),
        ],
    )
    def test_a_deployment_is_keep_latest_or_an_id(self, given, version):
        assert read_deployment(given, PublishedVersion()) == version

    def test_nothing_is_what_the_operation_has_for_it(self):
        assert read_deployment(None, SameVersion()) == SameVersion()

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ("KEEP", "bad format"),
            ("LATEST", "bad format"),
            ('{"Id":"dp_1"}', 'unrecognized resource type: {"Id":"dp'),
            ("", "bad length"),
            ("inv_1" + 33 * "0", "id doesn't match the expected type"),
        ],
    )
    def test_anything_else_is_taken_for_an_id(self, given, reason):
        with pytest.raises(IdInvalid) as refused:
            read_deployment(given, PublishedVersion())

        assert refused.value.message == f"The query parameter 'deployment' is invalid. Reason: {reason}"

    def test_a_body_calls_it_a_field(self):
        with pytest.raises(IdInvalid, match="The request field 'deployment' is invalid"):
            read_deployment("nope", SameVersion(), "request field 'deployment'")


def _base62(number: int, size: int, width: int) -> str:
    """Write a number as its bytes read backwards."""
    return _digits(int.from_bytes(number.to_bytes(size, "big"), "little"), width)


def _digits(number: int, width: int) -> str:
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(alphabet[number // 62**place % 62] for place in reversed(range(width)))
