#!/usr/bin/env python3
"""Images a second, forward only, of OpenVINO, ONNX Runtime and PyTorch with random weights.

    forward_peers.py [--networks mobilenet_v2,...] [--runtimes openvino,...] [--precisions f32,...]

Pictures of 224x224, 1000 classes, one stream. One JSON line a combination, from a process each;
what is not installed is named as absent. "ran_in" counts the convolutions by the precision that
they truly ran in: OpenVINO's from its execution graph, PyTorch's from oneDNN's own log. Converted
models are kept in --work and used again. See README.md."""
import concurrent.futures
import multiprocessing
import os
import tempfile
import time

import peers_common as common

RUNTIMES = {"openvino": ("f32", "bf16", "int8"), "onnxruntime": ("f32",),
            "torch": ("f32",), "torch_channels_last": ("f32", "bf16"),
            "torch_compile": ("f32", "bf16")}
CALIBRATION = 64  # random pictures


def picture(batch):
    import numpy as np

    return np.random.default_rng(1).standard_normal(
        (batch, 3, common.SIDE, common.SIDE), dtype=np.float32)


# --- conversion ---


def make_openvino(path, network):
    import openvino as ov
    import torch

    model = ov.convert_model(common.torch_network(network),
                             example_input=torch.from_numpy(picture(1)))
    ov.save_model(model, path, compress_to_fp16=False)


def make_int8(path, f32):
    """Quantised after training, calibrated on random pictures."""
    import nncf
    import openvino as ov

    data = nncf.Dataset(list(picture(CALIBRATION)[:, None]))
    model = nncf.quantize(ov.Core().read_model(f32), data, subset_size=CALIBRATION)
    ov.save_model(model, path, compress_to_fp16=False)


def make_onnx(path, network, batch):
    import torch

    torch.onnx.export(common.torch_network(network), (torch.from_numpy(picture(batch)),), path,
                      dynamo=True, external_data=False, verbose=False)


def kept(args, name, make, *how):
    """The path of a file in --work. Where it is missing make(path, *how) makes it, in a process of
    its own, whose memory is not that of the measurement."""
    path = os.path.join(args.work, name)
    if not os.path.exists(path):
        os.makedirs(args.work, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=args.work) as scratch:
            with concurrent.futures.ProcessPoolExecutor(
                    1, multiprocessing.get_context("spawn")) as process:
                process.submit(make, os.path.join(scratch, name), *how).result()
            for made in sorted(os.listdir(scratch)):  # NAME.bin before the NAME.xml that needs it
                os.replace(os.path.join(scratch, made), os.path.join(args.work, made))
    return path


# --- OpenVINO ---


def openvino_ran_in(compiled):
    counts = {}
    for node in compiled.get_runtime_model().get_ordered_ops():
        info = node.get_rt_info()
        if "Convolution" in str(info["layerType"].astype(str)):
            ran = info["runtimePrecision"].astype(str)
            counts[ran] = counts.get(ran, 0) + 1
    return counts


def openvino(args, network, precision, rest):
    """`rest` is what runs in floating point."""
    path = kept(args, f"{network}.xml", make_openvino, network)
    if precision == "int8":
        path = kept(args, f"{network}-int8.xml", make_int8, path)
    import openvino as ov

    began = time.perf_counter()
    core = ov.Core()
    model = core.read_model(path)
    model.reshape([args.batch, 3, common.SIDE, common.SIDE])
    compiled = core.compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": args.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": rest})
    setup = time.perf_counter() - began
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(picture(args.batch)))
    return {"version": common.version("openvino"), "setup_seconds": round(setup, 2),
            "ran_in": openvino_ran_in(compiled), **common.time_runs(request.infer, args)}


def openvino_fastest(args, network, precision):
    """What int8 leaves in floating point may run in f32 or bf16: the faster counts."""
    if precision != "int8":
        return openvino(args, network, precision, precision)
    both = [{**openvino(args, network, precision, rest), "rest": rest} for rest in ("f32", "bf16")]
    return max(both, key=lambda figures: figures["images_per_s"])


# --- ONNX Runtime ---


def onnxruntime(args, network):
    path = kept(args, f"{network}-batch{args.batch}.onnx", make_onnx, network, args.batch)
    import onnx
    import onnxruntime as ort

    began = time.perf_counter()
    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    setup = time.perf_counter() - began
    inputs = {session.get_inputs()[0].name: picture(args.batch)}
    # Its processor kernels compute in the type of the tensors.
    graph = onnx.load(path).graph
    types = {i.name: onnx.TensorProto.DataType.Name(i.data_type) for i in graph.initializer}
    ran = [types.get(n.input[1], "unknown") for n in graph.node if n.op_type == "Conv"]
    ran = ["f32" if kind == "FLOAT" else kind for kind in ran]
    return {"version": common.version("onnxruntime"), "setup_seconds": round(setup, 2),
            "ran_in": {kind: ran.count(kind) for kind in set(ran)},
            **common.time_runs(lambda: session.run(None, inputs), args)}


# --- PyTorch ---


def pytorch(args, network, runtime, precision):
    # Weights become constants, as for inference.
    os.environ["TORCHINDUCTOR_FREEZING"] = "1"
    import torch

    torch.set_num_threads(args.threads)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    layout = torch.contiguous_format if runtime == "torch" else torch.channels_last
    model = common.torch_network(network).to(dtype=dtype, memory_format=layout)
    x = torch.from_numpy(picture(args.batch)).contiguous(memory_format=layout)
    forward = torch.compile(model, dynamic=False) if runtime == "torch_compile" else model

    def work():
        forward(x.to(dtype))

    # Not inference_mode: what it marks cannot be frozen.
    with torch.no_grad():
        began = time.perf_counter()
        work()
        setup = time.perf_counter() - began
        figures = common.time_runs(work, args)
        return {"version": common.version("torch"), "setup_seconds": round(setup, 2),
                "ran_in": common.torch_ran_in(work), **figures}


def measure(args, network, runtime, precision):
    common.use_threads(args.threads)
    if runtime == "openvino":
        return openvino_fastest(args, network, precision)
    if runtime == "onnxruntime":
        return onnxruntime(args, network)
    return pytorch(args, network, runtime, precision)


def main():
    parser = common.option_parser(__doc__, tuple(RUNTIMES), ("f32", "bf16", "int8"), runs=9)
    parser.add_argument("--work", default=os.path.expanduser("~/.cache/thaw-peers"),
                        help="folder for converted models")
    common.run(parser.parse_args(), parser, lambda r, p: p in RUNTIMES[r], measure)


if __name__ == "__main__":
    main()
