"""What a comparison would cost, before it is begun: steps, parameters, memory and hours of every network."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from keras_d3.experiments.compared_runs import ComparedRun
from keras_d3.experiments.measurements import training_step_cost
from keras_d3.models import preset_for
from keras_d3.report import Cell, Table
from keras_d3.runs import Run
from keras_d3.training import task_of


@dataclasses.dataclass(frozen=True)
class PlannedNetwork:
    """One network to be trained.

    Args:
        title: str, of the run, with the target where the run has several.
        records: str, directory of its records.
        steps: int, training steps in all, and `steps_left`, those not yet done.
        batch_size: int, the largest of its stages.
        parameters: int, trainable parameters.
        memory_bytes: int, of a step with that batch, with the shuffle.
        hours: float, of the steps left; scoring is not counted.
    """

    title: str
    records: str
    steps: int
    steps_left: int
    batch_size: int
    parameters: int
    memory_bytes: int
    hours: float


def plan_runs(
    runs: Sequence[ComparedRun], records: Mapping, say: Callable[[str], None] = lambda text: None
) -> list[PlannedNetwork]:
    """Times one step of every network and works out what its training would take.

    A step with one example is timed on the run's own records, after one that traces, in a process of its
    own; a step with n examples is taken to last n times as long. Networks that differ in their seed alone are
    timed once.

    Args:
        runs: sequence of `ComparedRun`.
        records: what `choose_records` returned.
        say: function of one string, called with what is being measured.

    Returns:
        List of `PlannedNetwork`.

    Raises:
        RuntimeError: a step could not be measured.
    """
    networks = [(run, target) for run in runs for target in run.config.targets]
    costs, planned = {}, []
    for number, (run, target) in enumerate(networks, 1):
        config, manifest = run.config.for_target(target), records[run.title]
        title = f"{run.title}, {target}" if len(run.config.targets) > 1 else run.title
        key = (preset_for(config).name, run.group, manifest.directory)
        if key not in costs:
            say(f"[{number}/{len(networks)}] {title}: one step")
            costs[key] = training_step_cost(config, manifest.directory)
        planned.append(_planned(title, run, config, manifest, costs[key]))
    return planned


def _planned(title, run, config, manifest, cost):
    num_items = len(manifest.items("train"))
    examples = steps = done = examples_done = 0
    epoch = _finished_epochs(run, config.target)
    for stage in config.training.stages:
        per_epoch = config.training.steps_of_epoch(num_items, stage.batch_size)
        finished = min(epoch, stage.epochs)
        epoch -= finished
        steps += stage.epochs * per_epoch
        examples += stage.epochs * per_epoch * stage.batch_size
        done += finished * per_epoch
        examples_done += finished * per_epoch * stage.batch_size
    batch_size = max(stage.batch_size for stage in config.training.stages)
    return PlannedNetwork(
        title=title,
        records=manifest.directory,
        steps=steps,
        steps_left=steps - done,
        batch_size=batch_size,
        parameters=cost.parameters,
        memory_bytes=cost.memory_bytes(batch_size) + task_of(config).shuffle_bytes(manifest),
        hours=(examples - examples_done) * cost.secs_per_example / 3600,
    )


def _finished_epochs(run, target):
    directory = run.directory / target if run.config.target == "all" else run.directory
    return Run(directory).read_state().epoch


def plan_table(planned: Sequence[PlannedNetwork]) -> Table:
    """Returns the plan as a table, with the sum of the hours."""
    rows = [
        (
            Cell(network.title),
            Cell(network.records),
            Cell(f"{network.steps:,}"),
            Cell(f"{network.steps_left:,}"),
            Cell(str(network.batch_size)),
            Cell(f"{network.parameters:,}"),
            Cell(f"{network.memory_bytes / 1e9:.1f}"),
            Cell(_hours(network.hours)),
        )
        for network in planned
    ]
    total = sum(network.hours for network in planned)
    rows.append((Cell("all"), *[Cell()] * 6, Cell(_hours(total))))
    columns = ("network", "records", "steps", "left", "batch", "parameters", "memory (GB)", "hours")
    return Table(
        "What the trainings would take on this machine. Hours: of the steps left, from one timed step.",
        columns,
        tuple(rows),
        text_columns=(0, 1),
    )


def _hours(hours):
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2g}" if hours < 10 else f"{hours:.1f}"
