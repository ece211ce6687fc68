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
  const int64_t classes = evaluator.network().output_shape().elements(), images = dataset.size();
  std::vector<int64_t> bytes;  // of each rank's logits
  for (int64_t rank = 0; rank < ranks().count(); ++rank)
    bytes.push_back((first_image_of(images, rank + 1) - first_image_of(images, rank)) * classes *
                    static_cast<int64_t>(sizeof(float)));
  ImageSet all{&dataset, &standardization, {}};
  for (int64_t i = 0; i < images; ++i) all.indices.push_back(i);
  const Tensor<float> logits = logits_of(evaluator, images_of_rank(all));
  const std::vector<std::byte> gathered = ranks().gather(std::as_bytes(logits.values()), bytes);
  Predictions out{Tensor<float>(Shape{images, classes}), labels_of(all)};
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
