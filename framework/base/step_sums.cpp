#include "framework/base/step_sums.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "framework/base/ranks.h"

namespace quantdyn {
namespace {

StepSums* current = nullptr;

template <typename T>
void add(std::span<T> to, std::span<const T> from) {
  for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace

int64_t images_of_step(int64_t images) {
  return current ? current->images() : images_of_batch(images);
}

StepSums::StepSums(std::vector<Tensor<float>*> gradients, int64_t images)
    : gradients_(std::move(gradients)), images_(images), trees_(gradients_.size()) {
  assert(!current);
  current = this;
}
StepSums::~StepSums() { current = nullptr; }

void StepSums::merge(Sums& left, const Sums& right) {
  add<float>(left.floats, right.floats);
  add<double>(left.doubles, right.doubles);
}

/// A gradient that is added to twice in one backward() is summed in float.
void StepSums::note(const float* gradient, std::span<const double> sums) {
  const auto [found, is_new] = noted_.try_emplace(gradient, sums.begin(), sums.end());
  if (!is_new) found->second.clear();
}

void StepSums::add_micro_batch() {
  for (size_t i = 0; i < gradients_.size(); ++i) {
    Tensor<float>& gradient = *gradients_[i];
    Sums sums;
    const auto noted = noted_.find(gradient.data());
    if (noted != noted_.end() && !noted->second.empty())
      sums.doubles = std::move(noted->second);
    else
      sums.floats.assign(gradient.values().begin(), gradient.values().end());
    trees_[i].add(micro_batches_, std::move(sums), merge);
    gradient.fill(0);
  }
  noted_.clear();
  ++micro_batches_;
}

void StepSums::finish() {
  for (size_t i = 0; i < gradients_.size(); ++i) {
    const Sums sums = trees_[i].finish(merge);
    Tensor<float>& gradient = *gradients_[i];
    if (!sums.floats.empty()) add<float>(gradient.values(), sums.floats);
    for (size_t k = 0; k < sums.doubles.size(); ++k)
      gradient[static_cast<int64_t>(k)] += static_cast<float>(sums.doubles[k]);
  }
}

void add_gradient(Tensor<float>& gradient, std::span<const double> sums) {
  if (gradient.empty()) return;
  if (current) current->note(gradient.data(), sums);
  for (int64_t i = 0; i < gradient.elements(); ++i)
    gradient[i] += static_cast<float>(sums[static_cast<size_t>(i)]);
}

void add_gradient(Tensor<double>& gradient, std::span<const double> sums) {
  for (int64_t i = 0; i < gradient.elements(); ++i) gradient[i] += sums[static_cast<size_t>(i)];
}

}  // namespace quantdyn
