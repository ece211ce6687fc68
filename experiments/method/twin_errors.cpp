#include "experiments/method/twin_errors.h"

#include "framework/base/threads.h"
#include "quant/folding/linear_pairs.h"

namespace quantdyn {
namespace {

/// The rows of an output's real images.
Tile tile_of(View<const float> output, int64_t images, int64_t chunk, int worker) {
  const Shape one = output.shape.of_one();
  return {.values = output.data,
          .rows = images * one.rows(),
          .channels = one.channels(),
          .row_stride = one.channels(),
          .first_row = 0,
          .first_channel = 0,
          .chunk = chunk,
          .worker = worker};
}

void compare(ErrorStatistics& errors, const Tile& reference, const Tile& tile) {
  errors.add(reference, tile);
  errors.end_chunk(tile.chunk, tile.worker);
}

}  // namespace

OutputErrors::OutputErrors(Evaluator& quantized, const Network& float_network, Fusing fusing,
                           const QuantizedTensors& tensors)
    : quantized_(quantized),
      reference_(float_network, fusing, ConvolutionAlgorithm::direct, Keep::all),
      after_quantized_(float_network, fusing, ConvolutionAlgorithm::direct, Keep::all) {
  const Network& network = quantized.network();
  const int workers = worker_count();
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
    const int64_t channels = network.nodes()[network.units()[unit].last].shape.channels();
    Of& of = units_.emplace_back();
    for (auto* errors : {&of.accumulated, &of.local, &of.propagated})
      *errors = std::make_unique<ErrorStatistics>(channels, workers);
    const auto found = tensors.find({unit, TensorRole::output});
    if (found == tensors.end()) continue;
    const Quantization& quantization = *found->second.quantization;
    std::vector<Observer*>& before = quantized.tap(unit, TapKind::output).before;
    of.quantizer = std::make_unique<QuantizerErrors>(quantization, channels, workers);
    before.push_back(of.quantizer.get());
    if (quantization.bit_width() > CodeStatistics::widest) continue;
    of.codes = std::make_unique<CodeStatistics>(quantization, channels, workers);
    if (!of.codes->knows_levels()) before.push_back(of.codes.get());
  }
}

OutputErrors::~OutputErrors() {
  for (int unit = 0; unit < static_cast<int>(units_.size()); ++unit)
    std::erase_if(quantized_.tap(unit, TapKind::output).before, [&](const Observer* observer) {
      return observer == units_[unit].quantizer.get() || observer == units_[unit].codes.get();
    });
}

void OutputErrors::run_chunk(View<const float> x, int64_t images, int64_t chunk, int worker) {
  reference_.run_chunk(x, images, chunk, worker);
  quantized_.run_chunk(x, images, chunk, worker);
  const auto tile = [&](View<const float> output) {
    return tile_of(output, images, chunk, worker);
  };
  // From the last unit: run_unit overwrites outputs that no later unit reads.
  for (int unit = static_cast<int>(units_.size()) - 1; unit >= 0; --unit) {
    const Of& of = units_[unit];
    const Tile reference = tile(std::as_const(reference_).output(unit, worker));
    const Tile accumulated = tile(std::as_const(quantized_).output(unit, worker));
    compare(*of.accumulated, reference, accumulated);
    if (of.codes) {
      if (of.codes->knows_levels()) of.codes->add_levels(accumulated);
      of.codes->add_reference(reference);
      of.codes->end_reference_chunk(chunk, worker);
    }
    if (unit == 0) {  // nothing is before the input
      compare(*of.local, reference, accumulated);
      compare(*of.propagated, reference, reference);
      continue;
    }
    compare(*of.propagated, reference,
            tile(after_quantized_.run_unit(unit, quantized_, images, chunk, worker)));
    compare(*of.local, reference,
            tile(quantized_.run_unit(unit, reference_, images, chunk, worker)));
  }
}

void OutputErrors::save(Frame& frame) {
  for (int unit = 0; unit < static_cast<int>(units_.size()); ++unit) {
    Of& of = units_[unit];
    of.accumulated->save(frame, "output", unit, "accumulated");
    of.local->save(frame, "output", unit, "local");
    of.propagated->save(frame, "output", unit, "propagated");
    save_added_error(frame, "output", unit);
    if (of.quantizer) of.quantizer->save(frame, "output", unit);
    if (of.codes) of.codes->save(frame, "output", unit);
  }
}

void save_weight_errors(const Network& quantized, const Network& float_network,
                        const QuantizedTensors& tensors, Frame& frame) {
  for (const auto& [id, tensor] : tensors) {
    if (id.role != TensorRole::weight) continue;
    const int unit = id.unit;
    const Parameter<float>& weight = *linear_of(quantized, unit).weight;
    const Parameter<float>& twin = *linear_of(float_network, unit).weight;
    const Tile q = whole_tile(View<const float>{weight.read(), weight.master.shape()});
    const Tile x = whole_tile(View<const float>{twin.read(), twin.master.shape()});
    const Tile z = whole_tile(weight.master.view());
    ErrorStatistics errors(q.channels, 1);
    compare(errors, x, q);
    errors.save(frame, "weight", unit, "local");
    QuantizerErrors quantizer(*tensor.quantization, q.channels, 1);
    quantizer.add(z, q);
    quantizer.end_chunk(0, 0);
    quantizer.save(frame, "weight", unit);
    if (tensor.quantization->bit_width() > CodeStatistics::widest) continue;
    CodeStatistics codes(*tensor.quantization, q.channels, 1);
    codes.add_codes(q, tensor.codes.data());
    codes.add_reference(x);
    codes.end_reference_chunk(0, 0);
    codes.save(frame, "weight", unit);
  }
}

}  // namespace quantdyn
