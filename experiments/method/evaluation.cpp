#include "experiments/method/evaluation.h"

#include <algorithm>
#include <cstring>

#include "data/image_set.h"
#include "framework/base/ranks.h"
#include "framework/base/threads.h"

namespace quantdyn {

Predictions predict(Evaluator& evaluator, const Dataset& dataset,
                    const Standardization& standardization) {
  const int64_t classes = evaluator.network().output_shape().elements(), size = evaluation_batch();
  Loader loader(dataset, standardization, LoaderSettings::for_evaluation(size), Rng(0));
  Predictions out{Tensor<float>(Shape{dataset.size(), classes}), {}};
  Tensor<float> logits(Shape{size, classes});
  loader.start_epoch(0);
  for (int64_t i = 0; i < loader.batches(); ++i) {
    const Batch& batch = loader.next();
    evaluator.run(batch.x.view(), batch.images, batch.first / images_per_chunk, logits.view());
    std::copy_n(logits.data(), batch.images * classes, out.logits.data() + batch.first * classes);
    if (dataset.classes() > 0)
      out.labels.insert(out.labels.end(), batch.labels.begin(),
                        batch.labels.begin() + batch.images);
  }
  return out;
}

Predictions predict_over_ranks(Evaluator& evaluator, const Dataset& dataset,
                               const Standardization& standardization) {
  if (is_alone()) return predict(evaluator, dataset, standardization);
  const int64_t classes = evaluator.network().output_shape().elements();
  const int64_t chunks = chunk_count(dataset.size());
  std::vector<int64_t> starts, bytes;  // of each rank's images, and of the logits of each
  for (int64_t rank = 0; rank <= ranks().count(); ++rank)
    starts.push_back(std::min(dataset.size(), chunks * rank / ranks().count() * images_per_chunk));
  for (size_t rank = 0; rank + 1 < starts.size(); ++rank)
    bytes.push_back((starts[rank + 1] - starts[rank]) * classes *
                    static_cast<int64_t>(sizeof(float)));
  const auto own = static_cast<size_t>(ranks().rank());
  ImageSet all{&dataset, &standardization, {}};
  for (int64_t i = 0; i < dataset.size(); ++i) all.indices.push_back(i);
  const Tensor<float> logits = logits_of(
      evaluator, {&dataset,
                  &standardization,
                  {all.indices.begin() + starts[own], all.indices.begin() + starts[own + 1]}});
  const std::vector<std::byte> gathered = ranks().gather(std::as_bytes(logits.values()), bytes);
  Predictions out{Tensor<float>(Shape{dataset.size(), classes}), labels_of(all)};
  std::memcpy(out.logits.data(), gathered.data(), gathered.size());
  return out;
}

Tensor<float> logits_of(Evaluator& evaluator, const ImageSet& images) {
  const int64_t classes = evaluator.network().output_shape().elements();
  Tensor<float> out(Shape{static_cast<int64_t>(images.indices.size()), classes});
  Tensor<float> batch(Shape{evaluation_batch(), classes});
  for_image_batches(images, [&](View<const float> x, int64_t count, int64_t first_chunk) {
    evaluator.run(x, count, first_chunk, batch.view());
    std::copy_n(batch.data(), count * classes,
                out.data() + first_chunk * images_per_chunk * classes);
  });
  return out;
}

}  // namespace quantdyn
