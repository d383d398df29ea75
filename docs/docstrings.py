"""Griffe extension: docstrings of this package as its parser of Google style and Markdown want them."""

import re

import griffe

# Several arguments with one description, whose names go on in the next line.
_WRAPPED_NAMES = re.compile(r"(?m)^( {4}\w+(?:, \w+)*,)\n {4,8}(?=\w+(?:, \w+)*(?:,$|:))")
# A section of Keras layers that Google style does not know.
_CALL_ARGUMENTS = re.compile(r"(?m)^Call arguments:\n(?: {4}.*\n?)+")
_DOCTEST = re.compile(r"(?m)^( *)>>> .*(?:\n\1.*\S.*)*")


class Docstrings(griffe.Extension):
    """Joins wrapped lists of argument names, lists call arguments, and fences examples."""

    def on_object(self, *, obj, **kwargs):
        """Changes the docstring of a module, class, function or attribute."""
        if obj.docstring:
            text, previous = obj.docstring.value, None
            while text != previous:
                previous, text = text, _WRAPPED_NAMES.sub(r"\1 ", text)
            text = _CALL_ARGUMENTS.sub(_listed, text)
            obj.docstring.value = _DOCTEST.sub(_fenced, text)


def _listed(match):
    return re.sub(r"(?m)^ {4}(?=\S)", "    - ", match[0])


def _fenced(match):
    indent = match[1]
    return f"{indent}```python\n{match[0]}\n{indent}```"
