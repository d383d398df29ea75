"""`keras-d3 evaluate`: museval's scores of folders of estimates."""

from keras_d3.cli.options import add_scoring, add_sources, scoring_options


def add_evaluate(commands):
    """Adds the command."""
    command = commands.add_parser(
        "evaluate",
        help="score estimates with museval",
        description="Scores that were made of the same audio with the same settings are kept.",
    )
    command.add_argument("--references", required=True, metavar="DIR", help="DIR/<track>/<source>.wav")
    command.add_argument("--estimates", required=True, metavar="DIR", help="DIR/<track>/<source>.wav")
    command.add_argument("--out", required=True, metavar="DIR", help="scores go to DIR/<track>.json")
    add_sources(command, "by default those of the references")
    add_scoring(command)
    command.set_defaults(run=_evaluate)


def _evaluate(options):
    from keras_d3.evaluation import aggregate, format_table, score_directory

    scores = score_directory(
        options.references,
        options.estimates,
        options.out,
        sources=options.sources,
        **scoring_options(options),
    )
    print(format_table(aggregate(scores)))
