"""`keras-d3 pull`: weights that authors published, by name."""

import functools
import sys


def add_pull(command):
    """Adds the options of the command."""
    command.description = (
        "Without a name: lists what there is. Pulled models are named where others are given by "
        "path: `keras-d3 separate song.mp3 --model d3net-music`. They lie in $KERAS_D3_CACHE (default: "
        "keras-d3 in the user's folder of caches)."
    )
    command.add_argument("names", nargs="*", metavar="NAME", help="such as d3net-music")
    command.add_argument(
        "--file",
        metavar="FILE",
        help="the published file, where a browser has fetched it",
    )
    command.add_argument("--again", action="store_true", help="fetch and convert what is there once more")
    command.add_argument(
        "--table",
        metavar="FILE",
        help='JSON with other addresses or models, {"d3net-music": {"address": "https://..."}} '
        "(default: $KERAS_D3_MODELS)",
    )
    command.set_defaults(run=functools.partial(_pull, command))


def _pull(command, options):
    from keras_d3.pretrained import find_published_model

    if options.file and len(options.names) != 1:
        command.error("--file belongs to one NAME")
    if not options.names:
        _list(options)
        return
    for name in options.names:
        find_published_model(name, options.table)
    from keras_d3.convert import pull_model

    for name in dict.fromkeys(options.names):
        with _Bar() as bar:
            path = pull_model(name, options.file, options.again, options.table, _print_progress, bar.show)
        print(path)


def _list(options):
    from keras_d3.pretrained import ModelCache, published_models

    models, cache = published_models(options.table), ModelCache()
    width = max(map(len, models))
    for name, model in models.items():
        state = "pulled" if cache.has(name) else "" if model.address else "by hand"
        print(f"{name:{width}}  {state:7}  {model.title}")
    print(f"\nkeras-d3 pull NAME keeps a model in {cache.directory}")


class _Bar:
    """A progress bar of bytes on standard error; nothing where that is no terminal."""

    def __init__(self):
        self._bar = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.close()

    def show(self, done, total):
        """Shows the bytes that are there, and those of the whole if they are known."""
        if self._bar is None:
            from keras_d3.utils import optional_package

            tqdm = optional_package("tqdm", "convert", "The progress bar").tqdm
            self._bar = tqdm(total=total, initial=done, unit="B", unit_scale=True, disable=None)
        self._bar.total = total
        self._bar.update(done - self._bar.n)


def _print_progress(line):
    print(line, file=sys.stderr)
