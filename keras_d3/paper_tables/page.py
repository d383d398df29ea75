"""Tables of papers as one HTML page."""

from keras_d3.report import Table, fact_list, html_table, page_with_sections


def tables_page(tables: dict[str, tuple[Table, ...]], facts: dict[str, str]) -> str:
    """Returns the text of an HTML page that fetches nothing and runs no script.

    Args:
        tables: dict of a table's name, such as "d3net_mss/4", to what `published_tables` returned.
        facts: dict of label to text, shown on top: commit, date, command.

    Returns:
        str.
    """
    sections = [
        (name.replace("/", "-table-"), name, "".join(html_table(table) for table in group))
        for name, group in tables.items()
    ]
    intro = (
        '<p class="intro">Numbers as printed in the papers, of the authors\' published weights, and of runs, '
        "in columns of their own. A difference stands only where data set and aggregation are the same.</p>"
    )
    return page_with_sections(
        "Tables of the papers", intro + fact_list(list(facts.items()), "facts"), sections
    )
