"""What forward_peers.py and train_peers.py share: networks, timing, the precision that ran, and
one process a measurement."""
import argparse
import contextlib
import importlib.metadata
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

CLASSES, SIDE = 1000, 224
NETWORKS = ("mobilenet_v2", "efficientnet_lite0", "resnet50")  # Thaw's names: random:NAME


# --- options ---


def words(known):
    """A list with commas between, of known words."""
    def read(text):
        for word in text.split(","):
            if word not in known:
                raise argparse.ArgumentTypeError(f"'{word}' is none of {', '.join(known)}")
        return text.split(",")
    return read


def option_parser(description, runtimes, precisions, runs):
    p = argparse.ArgumentParser(description=description.split("\n\n")[0],
                                formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--networks", type=words(NETWORKS), default=",".join(NETWORKS))
    p.add_argument("--runtimes", type=words(runtimes), default=",".join(runtimes))
    p.add_argument("--precisions", type=words(precisions), default=",".join(precisions))
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--warm-up", type=int, default=2, help="batches that are not timed")
    p.add_argument("--runs", type=int, default=runs, help="timed batches; the median counts")
    return p


# --- one process a measurement ---


def run(args, parser, known, measure):
    """Prints one JSON line a combination of network, runtime and precision that `known` allows. One
    alone is measured here, by measure(args, network, runtime, precision); several in a process
    each, so that none finds the caches, threads and memory of another, and then the fastest of each
    network and precision are named. What cannot be measured is named as absent."""
    combinations = [(n, r, p) for n in args.networks for r in args.runtimes
                    for p in args.precisions if known(r, p)]
    if not combinations:
        parser.error("no runtime of these has any of these precisions")
    if len(combinations) == 1:
        named = dict(zip(("network", "runtime", "precision"), combinations[0]))
        try:
            figures = measure(args, *combinations[0])
        except ImportError as e:
            figures = {"absent": str(e)}
        print(json.dumps({**named, **figures}), flush=True)
        return
    fastest = {}
    for combination in combinations:
        line = measure_apart(combination)
        print(json.dumps(line), flush=True)
        best = fastest.setdefault((line["network"], line["precision"]), line)
        if line.get("images_per_s", 0) > best.get("images_per_s", 0):
            fastest[line["network"], line["precision"]] = line
    for (network, precision), best in fastest.items():
        if "images_per_s" in best:
            print(json.dumps({"network": network, "precision": precision,
                              "fastest": best["runtime"], "images_per_s": best["images_per_s"]}))


def measure_apart(combination):
    """What a process of its own prints, or why it does not."""
    network, runtime, precision = combination
    command = [sys.executable, *sys.argv, "--networks", network, "--runtimes", runtime,
               "--precisions", precision]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"network"')]
    if lines:
        return json.loads(lines[-1])
    sys.stderr.write(done.stderr)
    errors = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    return {"network": network, "runtime": runtime, "precision": precision, "absent": errors[-1]}


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


# --- timing ---


def time_runs(work, args):
    """work() handles one batch. Median and fastest, images a second, and the peak so far."""
    for _ in range(args.warm_up):
        work()
    seconds = []
    for _ in range(args.runs):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    with open("/proc/self/status", encoding="ascii") as f:
        peak = next(line for line in f if line.startswith("VmHWM")).split()[1]
    return {"images_per_s": round(args.batch / statistics.median(seconds), 2),
            "fastest_images_per_s": round(args.batch / min(seconds), 2),
            "batch": args.batch, "threads": args.threads, "runs": args.runs,
            "peak_memory_bytes": 1024 * int(peak)}


# --- PyTorch ---


def use_threads(threads):
    """For the libraries that ask the environment; before they are imported."""
    os.environ["OMP_NUM_THREADS"] = str(threads)


def torch_network(name):
    """A network with random weights, 1000 classes, in evaluation mode. Its batch norms know the
    statistics of random pictures, so that values stay within the usual range however deep it is."""
    import torch

    torch.manual_seed(1)
    if name == "efficientnet_lite0":
        import timm

        model = timm.create_model(name, pretrained=False, num_classes=CLASSES)
    else:
        import torchvision

        model = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES)
    if name == "resnet50":
        # The stride stands in the first 1x1 as in the original and in Keras; torchvision has it in
        # the 3x3, which is more work.
        for layer in (model.layer2, model.layer3, model.layer4):
            layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(4, 3, SIDE, SIDE))
    return model.eval()


@contextlib.contextmanager
def standard_output_to(path):
    """Of the whole process, C libraries included."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(path, "wb") as f:
        os.dup2(f.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def torch_ran_in(work):
    """How many convolutions oneDNN ran in which precision during one work(), as it says itself:
    {"f32 forward": 53, ...}."""
    import torch

    counts = {}
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "verbose")
        with standard_output_to(path), torch.backends.mkldnn.verbose(
                torch.backends.mkldnn.VERBOSE_ON):
            work()
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                if ",exec," in line and ",convolution," in line:
                    types = re.search(r"(?:diff_)?src(?::a)?[_:](\w+?)[:_]", line)
                    kind = "forward" if ",forward" in line else (
                        "backward_weights" if ",backward_weights" in line else "backward_data")
                    key = f"{types.group(1) if types else 'unknown'} {kind}"
                    counts[key] = counts.get(key, 0) + 1
    return counts
