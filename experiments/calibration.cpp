#include "experiments/calibration.h"

#include "experiments/tracking.h"

namespace quantdyn {

std::vector<int32_t> labels_of(const ImageSet& images) {
  std::vector<float> pixels(static_cast<size_t>(images.dataset->sample_shape().elements()));
  std::vector<int32_t> out;
  for (int64_t i : images.indices)
    out.push_back(static_cast<int32_t>(images.dataset->get(i, pixels.data())));
  return out;
}

CalibrationRun run_over(const ImageSet& images) {
  return [&images](Evaluator& net) {
    for_image_batches(*images.dataset, *images.standardization, images.indices,
                      [&](View<const float> x, int64_t count, int64_t first_chunk) {
                        net.run(x, count, first_chunk, {});
                      });
  };
}

std::map<int, QuantizedTensor> calibrate(Evaluator& net, const Variant& variant,
                                         const CalibrationRun& run) {
  const Network& network = net.network();
  std::map<int, std::unique_ptr<SchemeObserver>> waiting, done;
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit)
    if (const Scheme* const scheme = variant.units[unit].output.get())
      waiting[unit] = std::make_unique<SchemeObserver>(
          *scheme, network.units()[unit].name + "/output",
          network.nodes()[network.units()[unit].last].shape.channels());
  while (!waiting.empty()) {
    for (const auto& [unit, observer] : waiting)
      net.tap(unit, TapKind::output).before.push_back(observer.get());
    run(net);
    for (auto observer = waiting.begin(); observer != waiting.end();) {
      std::erase(net.tap(observer->first, TapKind::output).before,
                 static_cast<Observer*>(observer->second.get()));
      const auto here = observer++;
      if (!here->second->wants_another_pass()) done.insert(waiting.extract(here));
    }
  }
  std::map<int, QuantizedTensor> out;
  for (const auto& [unit, observer] : done) out[unit] = observer->quantize();
  return out;
}

}  // namespace quantdyn
