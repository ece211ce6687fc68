// Images that are both splits of a dataset.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "data/dataset.h"

namespace quantdyn {

/// Images that two splits share, under the name of one: read, checked and kept once.
class SharedSplit final : public Dataset {
 public:
  SharedSplit(std::string name, std::shared_ptr<const Dataset> of)
      : name_(std::move(name)), of_(std::move(of)) {}
  int64_t size() const override { return of_->size(); }
  Shape sample_shape() const override { return of_->sample_shape(); }
  int64_t classes() const override { return of_->classes(); }
  int64_t get(int64_t i, float* x) const override { return of_->get(i, x); }
  int64_t label(int64_t i) const override { return of_->label(i); }
  int64_t chunk_of(int64_t i) const override { return of_->chunk_of(i); }
  int64_t chunks_kept() const override { return of_->chunks_kept(); }
  int64_t bytes_in_memory() const override { return of_->bytes_in_memory(); }
  std::string name() const override { return name_; }
  std::string sha256() const override { return of_->sha256(); }

 private:
  std::string name_;
  std::shared_ptr<const Dataset> of_;
};

}  // namespace quantdyn
