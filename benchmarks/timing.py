"""Comparison of two forms of one function: their numbers, then their times."""

import time

import numpy as np
from keras import ops

from benchmarks.steps import STEPS, make_step

FORMS = ("ours", "reference")

# Largest difference, relative to the largest value, that rounding explains.
TOLERANCES = {"float32": 1e-4, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}


def make_networks(case, dtype, small=False, seed=0):
    """Builds both networks of `case`.

    Args:
        case: `benchmarks.case.Case`.
        dtype: str, name of the dtype policy.
        small: bool, whether to use the small input.
        seed: int, random seed of the inputs.

    Returns:
        Two dicts by form, `"ours"` and `"reference"`: the networks, and equal inputs of their dtypes.
    """
    shape = case.small_input_shape if small else case.input_shape
    ours = case.make_ours(shape, dtype)
    networks = {"ours": ours, "reference": case.make_reference(shape, dtype, ours)}
    array = np.random.default_rng(seed).standard_normal(shape).astype("float32")
    inputs = {form: ops.cast(array, network.input_dtype) for form, network in networks.items()}
    return networks, inputs


def difference(ours, reference):
    """Returns the largest and the root mean square difference, each relative to the reference.

    Raises:
        ValueError: the shapes differ.
    """
    ours, reference = (np.asarray(ops.convert_to_numpy(ops.cast(x, "float32"))) for x in (ours, reference))
    if ours.shape != reference.shape:
        raise ValueError(f"The two forms have outputs of different shapes: {ours.shape}, {reference.shape}.")
    distance = np.abs(ours.astype("float64") - reference)
    scale = np.abs(reference.astype("float64"))
    return {
        "max": float(distance.max() / scale.max()),
        "rms": float(np.sqrt(np.mean(distance**2) / np.mean(scale**2))),
    }


def check_same_numbers(case, dtype, differences):
    """Raises ValueError where `differences` are more than rounding and the functions are the same."""
    if not case.same_function:
        return
    tolerance = TOLERANCES[dtype] if case.tolerance is None else case.tolerance
    # A value that rounding moves across a rectifier's corner changes single gradients by their full
    # size, so gradients are held to their root mean square.
    found = {"outputs": (differences["outputs"]["max"], tolerance)}
    if "input_gradient" in differences:
        found["input gradient"] = (
            differences["input_gradient"]["rms"],
            tolerance if case.gradient_tolerance is None else case.gradient_tolerance,
        )
    for name, (value, tolerance) in found.items():
        if not value <= tolerance:
            raise ValueError(
                f"`{case.name}` compares two different functions: their {name} differ by {value:.2g} of the "
                f"reference's size, more than {tolerance:.2g}. Nothing was timed."
            )


def compare_and_time(case, dtype, repeats, warm_up, small=False, after_step=lambda: None):
    """Returns one result per step: differences, all times in ms, and their summary.

    The two forms take turns run by run, so that a machine that slows down slows both, and the ratio
    is the median of the ratios of neighboring runs.

    Args:
        case: `benchmarks.case.Case`.
        dtype: str, name of the dtype policy.
        repeats: int, timed runs of each form.
        warm_up: int, runs of each form before them.
        small: bool, whether to use the small input, for which no target holds.
        after_step: function without arguments, called after each step.

    Raises:
        ValueError: the forms do not compute the same numbers.
    """
    if case.most_repeats is not None:
        # The comparison of the numbers is the one run before them.
        repeats, warm_up = min(repeats, case.most_repeats), 0
    networks, inputs = make_networks(case, dtype, small)
    results = []
    for step in STEPS:
        runs = {form: make_step(step, network) for form, network in networks.items()}
        differences = step_differences(runs, inputs)
        check_same_numbers(case, dtype, differences)
        for _ in range(warm_up):
            for form, run in runs.items():
                run(inputs[form])
        times = {form: [] for form in runs}
        for _ in range(repeats):
            for form, run in runs.items():
                start = time.perf_counter()
                run(inputs[form])
                times[form].append(1000 * (time.perf_counter() - start))
        results.append(
            {
                "case": case.name,
                "step": step,
                "same_function": case.same_function,
                "differences": differences,
                **summary(times["ours"], times["reference"], None if small else case.target(step)),
            }
        )
        after_step()
    return results


def step_differences(runs, inputs):
    """Returns the differences of the outputs and, in a training step, of the inputs' gradients."""
    ours, reference = (runs[form](inputs[form]) for form in FORMS)
    names = ("outputs", "input_gradient")[: len(ours)]
    return {name: difference(ours[index], reference[index]) for index, name in enumerate(names)}


def summary(ours_ms, reference_ms, target):
    """Returns times, their medians, the ratio reference / ours with its quartiles, and whether it is met."""
    ratios = np.array(reference_ms) / np.array(ours_ms)
    lower, ratio, upper = (float(value) for value in np.percentile(ratios, [25, 50, 75]))
    return {
        "ours_ms": ours_ms,
        "reference_ms": reference_ms,
        "ours_median_ms": float(np.median(ours_ms)),
        "reference_median_ms": float(np.median(reference_ms)),
        "ratio": ratio,
        "ratio_quartiles": [lower, upper],
        "target": target,
        "met": is_met(ratio, upper, target),
    }


def is_met(ratio, upper_quartile, target):
    """Returns whether the target is met; None without one. A target of 1 means "never slower"."""
    if target is None:
        return None
    if target == 1.0:
        return ratio >= 0.97 or upper_quartile >= 1.0
    return ratio >= target
