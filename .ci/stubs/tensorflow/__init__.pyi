# Instead of the stubs of TensorFlow that pyright brings: they lack much of it, and call correct code wrong.
from typing import Any

def __getattr__(name: str) -> Any: ...
