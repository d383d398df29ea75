"""`--shard k/n` of the commands: one of n equal parts of the work, for arrays of jobs on a cluster."""

import argparse
import dataclasses
import re
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class WorkShard:
    """Part `number` of `count` parts of a list of work.

    The parts of all numbers hold every item once, and differ in length by one at most.

    Args:
        number: int, from 1 on.
        count: int.

    Raises:
        ValueError: `number` is not between 1 and `count`.

    Example:

    >>> WorkShard(2, 3).of(["a", "b", "c", "d", "e"])
    ['b', 'e']
    """

    number: int
    count: int

    def __post_init__(self):
        if not 1 <= self.number <= self.count:
            raise ValueError(
                "`--shard` must be K/N with K from 1 to N, such as 2/8. Received: "
                f"{self.number}/{self.count}."
            )

    def __str__(self):
        return f"{self.number}/{self.count}"

    def of(self, items: Iterable[T]) -> list[T]:
        """Returns this part of the items: every `count`-th, so that neighbors, often alike, are spread."""
        return list(items)[self.number - 1 :: self.count]


ALL_WORK = WorkShard(1, 1)


def add_work_shard(parser, things: str) -> None:
    """Adds `--shard K/N`, whose value is a `WorkShard`, to an `argparse` parser.

    Args:
        parser: an `argparse` parser or group.
        things: str, what is divided, in the plural, for the help.
    """
    parser.add_argument(
        "--shard",
        type=_work_shard,
        default=ALL_WORK,
        metavar="K/N",
        help=f"only part K of N of the {things}, K from 1 on, for arrays of jobs (default: all)",
    )


def _work_shard(text):
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"must be K/N, such as 2/8. Received: {text!r}.")
    try:
        return WorkShard(int(found[1]), int(found[2]))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
