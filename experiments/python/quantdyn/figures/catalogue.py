"""The table of figures: a figure is a module with draw(results, choice), and one line here."""
from dataclasses import dataclass
from typing import Callable, Optional

from .plots import (batch_norm, bits, depth, distances, drift, effective_bits, epochs, errors, mismatch, oscillation, precision,
                    ranges, ridgelines, sensitivity, timeline, training)
from .result import FLOAT
from .style import PAGE_INCHES


@dataclass(frozen=True)
class Choice:
    """What the user chose; a figure that shows one variant takes the first."""

    variants: tuple = ()  # names, in the order in which they are drawn
    layer: Optional[str] = None
    epoch: Optional[int] = None  # of the float32 snapshot; None: the last
    width: float = PAGE_INCHES  # of the figure, in inches

    @property
    def variant(self):
        return self.variants[0] if self.variants else None


def choose(results, variants, layer, epoch, width):
    """The choice, checked against every result. Throws UserError where a result lacks what was asked for."""
    for result in results:
        result.pick(FLOAT, epoch)
        for variant in variants:
            result.pick(variant)
    if layer is not None and all(layer not in result.layers for result in results):
        results[0].layer_index(layer)
    if not variants:
        common = [name for name in results[0].quantized_variants()
                  if all(name in result.variants for result in results)]
        variants = common[:3]
    return Choice(tuple(variants), layer, epoch, width)


@dataclass(frozen=True)
class Entry:
    name: str  # the file's stem
    draw: Callable  # (results, choice) -> matplotlib figure; raises Missing
    caption: str  # one sentence, for the report


FIGURES = (
    Entry("ranges", ranges.draw,
          "Range (max \u2212 min) of every layer as a bar, the ranges of its channels as boxes from 25 to 75 % with "
          "whiskers from 5 to 95 %; dead channels left out."),
    Entry("precision", precision.draw,
          "Average channel precision: the share of its layer's range that a channel uses (Nagel et al. 2019, section "
          "3.3)."),
    Entry("ridgelines", ridgelines.draw,
          "Share of values per octave, every layer scaled to its own largest share; the cell in the middle holds zero "
          "and what is smaller than the axis shows, and is cut at the largest share."),
    Entry("effective_bits", effective_bits.draw,
          "Effective bits of every channel, log2(1 + p (2^b \u2212 1)); channels of a layer sorted, fewest bits "
          "below."),
    Entry("errors", errors.draw,
          "SQNR of every layer's output. local: this layer quantized, its input the float net's; accumulated: "
          "everything up to it quantized; propagated: everything before it; added: accumulated less propagated error."),
    Entry("depth", depth.draw,
          "Channel precision of folded weights and accumulated SQNR of the first variant over relative depth, a line a "
          "net."),
    Entry("epochs", epochs.draw, "Quantiles of one layer's values at every float32 snapshot."),
    Entry("bits", bits.draw,
          "Accuracy and SQNR of the logits against bits, a line a scheme; dashed: accuracy of the float net."),
    Entry("mismatch", mismatch.draw,
          "Average channel precision of the folded weights against the local SQNR of the output, a point a layer; "
          "Spearman's rank correlation."),
    Entry("training", training.draw,
          "Accuracy over the epochs, float and quantized on the test images, and on the training images as they were "
          "trained on; training loss."),
    Entry("sensitivity", sensitivity.draw,
          "Mean squared error of the logits when one tensor alone is quantized, largest first."),
    Entry("timeline", timeline.draw,
          "Range (max \u2212 min) of every layer at every float32 snapshot."),
    Entry("drift", drift.draw,
          "Relative change of every layer's weights, ||w \u2212 w0|| / ||w0||, from one float32 snapshot to the next and from "
          "the first."),
    Entry("distances", distances.draw,
          "Jensen-Shannon divergence: of channels to their layer, beyond what as many values drawn from the layer would have; "
          "of layers to the first snapshot."),
    Entry("batch_norm", batch_norm.draw,
          "What folding multiplies a channel's weights by, gamma / sigma (boxes from 25 to 75 %, whiskers from 5 to 95 %, the "
          "largest apart); how far the probe images' statistics are from the running ones."),
    Entry("oscillation", oscillation.draw,
          "Share of weights whose code changes in a training step, and of those that change it back (Nagel et al. 2022)."),
)
