"""Names of the programs that run exported networks, and of the files they read and write."""

# "auto" is the fastest here of those that are installed and that a model carries its networks for.
RUNTIMES = ("auto", "tensorflow", "onnxruntime", "openvino")
# Runtime that reads networks from files -> the format of the files, and the package that has to be installed.
RUNTIME_FORMATS = {"onnxruntime": "onnx", "openvino": "openvino"}
RUNTIME_PACKAGES = {"onnxruntime": "onnxruntime", "openvino": "openvino"}
# Of OpenVINO's arithmetic.
OPENVINO_PRECISIONS = ("f32", "bf16")
# Of networks as files of other runtimes.
NETWORK_FORMATS = ("openvino", "onnx")
# Sample formats of stems, as libsndfile calls them.
SUBTYPES = ("PCM_16", "PCM_24", "FLOAT")
