"""Names of the programs that run exported networks, and of the files they read and write."""

RUNTIMES = ("tensorflow", "openvino")
# Of OpenVINO's arithmetic.
OPENVINO_PRECISIONS = ("f32", "bf16")
# Of networks as files of other runtimes.
NETWORK_FORMATS = ("openvino", "onnx")
# Sample formats of stems, as libsndfile calls them.
SUBTYPES = ("PCM_16", "PCM_24", "FLOAT")
