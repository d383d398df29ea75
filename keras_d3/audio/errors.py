"""Errors on audio files: what is wrong, and what to do."""


def cut_short(path, why):
    return ValueError(f"The audio file `{path}` is cut short: {why}. Copy or download it again.")


def unreadable(path, why):
    return ValueError(
        f"`{path}` cannot be read as audio: {why or 'no reason given'}. Copy or convert it again."
    )


def no_samples(path):
    return ValueError(f"The audio file `{path}` has no samples. Copy or make it again, or remove it.")
