"""Argument checks, files, commits, machine facts and optional packages."""

from keras_d3.utils.checksums import (
    CHECKSUM,
    read_checked_json,
    with_checksum,
    without_checksum,
    write_checked_json,
)
from keras_d3.utils.cluster import (
    ALL_WORK,
    BeamRunner,
    WorkShard,
    add_beam_runner,
    add_work_shard,
    beam_runner,
    claim_json,
)
from keras_d3.utils.code_checksum import code_version
from keras_d3.utils.command_line import run_reporting_errors
from keras_d3.utils.commit import current_commit
from keras_d3.utils.disk_errors import WriteError, write_errors
from keras_d3.utils.file_names import check_file_name
from keras_d3.utils.files import (
    atomic_files,
    atomic_path,
    link_or_copy,
    path_without_brackets,
    read_json,
    sha256_of_file,
    write_json,
)
from keras_d3.utils.foreign_files import is_foreign, own_items
from keras_d3.utils.locks import DirectoryInUseError, file_lock, lock_directory
from keras_d3.utils.machine import (
    machine_name,
    num_cores,
    prefer_onednn,
    processor_flags,
    processor_name,
    share_one_arena,
)
from keras_d3.utils.on_demand import names_on_demand
from keras_d3.utils.optional_packages import optional_package
from keras_d3.utils.processes import Job, answer, end_with_parent, run_jobs
from keras_d3.utils.temporary import is_temporary, sweep_leftovers, temporary_directory
from keras_d3.utils.validation import (
    MAX_SAMPLE_RATE_HZ,
    check_channels_known,
    check_channels_last,
    check_choice,
    check_compression,
    check_frames,
    check_int_tuple,
    check_positive_int,
    check_sample_rate,
)

__all__ = [
    "ALL_WORK",
    "BeamRunner",
    "CHECKSUM",
    "DirectoryInUseError",
    "Job",
    "MAX_SAMPLE_RATE_HZ",
    "WorkShard",
    "WriteError",
    "add_beam_runner",
    "add_work_shard",
    "answer",
    "atomic_files",
    "atomic_path",
    "beam_runner",
    "check_channels_known",
    "check_channels_last",
    "check_choice",
    "check_compression",
    "check_file_name",
    "check_frames",
    "check_int_tuple",
    "check_positive_int",
    "check_sample_rate",
    "claim_json",
    "code_version",
    "current_commit",
    "end_with_parent",
    "file_lock",
    "is_foreign",
    "is_temporary",
    "link_or_copy",
    "lock_directory",
    "machine_name",
    "names_on_demand",
    "num_cores",
    "optional_package",
    "own_items",
    "path_without_brackets",
    "prefer_onednn",
    "processor_flags",
    "processor_name",
    "read_checked_json",
    "read_json",
    "run_jobs",
    "run_reporting_errors",
    "sha256_of_file",
    "share_one_arena",
    "sweep_leftovers",
    "temporary_directory",
    "with_checksum",
    "without_checksum",
    "write_checked_json",
    "write_errors",
    "write_json",
]
