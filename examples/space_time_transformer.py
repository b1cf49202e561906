"""A space-time transformer with divided attention: over time at each place, then over the places of each frame.

After TimeSformer (Bertasius et al., arXiv:2102.05095). A checkpoint holds the reader's state, so that a run that was
stopped goes on with the batches it would have had. PyTorch.

    python examples/space_time_transformer.py --data ucf --full      # dim 128, 128 px, patch 16, 5 frames, depth 12
"""

from __future__ import annotations

import torch
from common import by_group, parse, report
from torch import nn
from tqdm import tqdm

import clipmill
from clipmill.reader import CentreWindow, RandomWindow, Resize


class Block(nn.Module):
    """Attention over time, attention over space, and a perceptron, each added to what came in."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))
        self.over_time, self.over_space = (nn.MultiheadAttention(dim, heads, batch_first=True) for _ in range(2))
        self.perceptron = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (clips, frames, places, dim) to the same shape."""
        clips, frames, places, _ = x.shape
        columns = self.norms[0](x).transpose(1, 2).flatten(0, 1)
        x = x + self.over_time(columns, columns, columns)[0].unflatten(0, (clips, places)).transpose(1, 2)
        rows = self.norms[1](x).flatten(0, 1)
        x = x + self.over_space(rows, rows, rows)[0].unflatten(0, (clips, frames))
        return x + self.perceptron(self.norms[2](x))


class SpaceTimeTransformer(nn.Module):
    """Map frames (clips, frames, size, size, 3) uint8 to logits."""

    def __init__(self, classes: int, frames: int, size: int, patch: int, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, dim, patch, patch)
        self.places = nn.Parameter(torch.randn(1, 1, (size // patch) ** 2, dim) * 0.02)
        self.times = nn.Parameter(torch.randn(1, frames, 1, dim) * 0.02)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, classes))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        pixels = clips.permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        x = self.patches(pixels.flatten(0, 1)).flatten(2).transpose(1, 2).unflatten(0, clips.shape[:2])
        return self.head(self.blocks(x + self.places + self.times).mean((1, 2)))


def main() -> None:
    arguments = parse(__doc__, epochs=20)
    frames, stride, size, patch, dim, depth, heads = (
        (5, 5, 128, 16, 128, 12, 8) if arguments.full else (8, 2, 64, 8, 48, 3, 4)
    )
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = clipmill.open(arguments.data)
    train, held_out = by_group(data)
    model = SpaceTimeTransformer(len(data.labels), frames, size, patch, dim, depth, heads).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    resize = [Resize((size, size))]
    batches = train.batches(RandomWindow(frames, stride), augment=resize, batch_size=16, shuffle=True, seed=0)
    checkpoint = arguments.out / "space_time_transformer.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        batches.load_state_dict(saved["batches"])
        print(f"going on at epoch {batches.epoch + 1}")
    while batches.epoch < arguments.epochs:
        bar = tqdm(batches.torch("frames", "label"), desc=f"epoch {batches.epoch + 1}", total=len(batches))
        for clips, label in bar:
            loss = nn.functional.cross_entropy(model(clips.to(device)), label.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            bar.set_postfix(loss=f"{loss.item():.2f}")
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "batches": batches.state_dict()}
        torch.save(state, checkpoint)

    model.eval()
    true: list[int] = []
    taken: list[int] = []
    middle = held_out.batches(CentreWindow(frames, stride), augment=resize, batch_size=16)
    with torch.no_grad():
        for clips, label, length in middle.torch("frames", "label", "length"):
            real = length > 0  # rows that fill up the last batch
            true += label[real].tolist()
            taken += model(clips.to(device)).argmax(1)[real.to(device)].tolist()
    report(true, taken, data.labels, arguments.out / "space_time_transformer.png")


if __name__ == "__main__":
    main()
