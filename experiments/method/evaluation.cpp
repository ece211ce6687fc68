#include "experiments/method/evaluation.h"

#include <algorithm>

#include "data/image_set.h"
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
