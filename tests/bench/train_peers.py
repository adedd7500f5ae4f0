#!/usr/bin/env python3
"""Images a second of PyTorch's whole training step, random weights, all layers.

    train_peers.py [--networks resnet50,...] [--runtimes channels_last,...] [--precisions f32,...]
    train_peers.py ... --beside build/thaw [--rounds 5]

A step is forward, loss, backward and AdamW's update, from pictures of 224x224 in memory to new
weights, 1000 classes. Batch norms stay on their moving statistics, their scale and shift train.
bf16 is autocast: weights and update stay f32. One JSON line a combination, from a process each, and
after several one a network and precision, naming the fastest. "ran_in" counts the convolutions by
the precision that they truly ran in, from oneDNN's own log.

With --beside, each round measures PyTorch and then 'THAW bench'; PyTorch compiles once for all
rounds. The medians over the rounds are printed, the figures of all, and how many times as fast Thaw
is. See README.md."""
import json
import statistics
import subprocess
import time

import peers_common as common

RUNTIMES = ("eager", "channels_last", "compile", "compile_channels_last")


def thaw_rate(args, network, precision):
    """Images a second of Thaw's training step, by 'thaw bench'."""
    done = subprocess.run([args.beside, "bench", f"random:{network}", "--json", "--precision",
                           precision, "--batch", str(args.batch), "--threads", str(args.threads),
                           "--repeats", str(args.runs)],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)["train"][precision]["images_per_s"]


def by_turns(args, network, precision, step):
    own, peer = [], []
    for _ in range(args.rounds):
        figures = common.time_runs(step, args)
        peer.append(figures["images_per_s"])
        own.append(round(thaw_rate(args, network, precision), 2))
    times = [a / b for a, b in zip(own, peer)]
    return {**figures, "images_per_s": statistics.median(peer), "rounds": peer,
            "thaw_images_per_s": statistics.median(own), "thaw_rounds": own,
            "thaw_is": round(statistics.median(own) / statistics.median(peer), 2),
            "thaw_is_range": [round(min(times), 2), round(max(times), 2)]}


def measure(args, network, runtime, precision):
    common.use_threads(args.threads)
    import torch

    torch.set_num_threads(args.threads)
    layout = torch.channels_last if "channels_last" in runtime else torch.contiguous_format
    model = common.torch_network(network).to(memory_format=layout)
    forward = torch.compile(model, dynamic=False) if "compile" in runtime else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    loss_of = torch.nn.CrossEntropyLoss()
    x = torch.randn(args.batch, 3, common.SIDE, common.SIDE).contiguous(memory_format=layout)
    labels = torch.arange(args.batch) % common.CLASSES

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = loss_of(forward(x), labels)
        loss.backward()
        optimizer.step()
        return loss

    began = time.perf_counter()
    step()
    setup = time.perf_counter() - began
    if args.beside:
        figures = by_turns(args, network, precision, step)
    else:
        figures = common.time_runs(step, args)
    return {"version": common.version("torch"), "setup_seconds": round(setup, 2),
            "loss": round(float(step().detach()), 4), "ran_in": common.torch_ran_in(step),
            **figures}


def main():
    parser = common.option_parser(__doc__, RUNTIMES, ("f32", "bf16"), runs=5)
    parser.add_argument("--beside", metavar="THAW", help="the command to measure by turns with it")
    parser.add_argument("--rounds", type=int, default=5, help="with --beside")
    common.run(parser.parse_args(), parser, lambda r, p: True, measure)


if __name__ == "__main__":
    main()
