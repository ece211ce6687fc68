// Dense arrays: Shape, the owning Tensor and the borrowed View; channels are the innermost axis.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>

namespace quantdyn {

/// The sizes of an array's axes, outermost first; activations are [N,H,W,C] or [N,C].
class Shape {
 public:
  static constexpr int max_rank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
    assert(rank_ <= max_rank);
    std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  }

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return sizes_[axis]; }
  std::span<const int64_t> sizes() const { return {sizes_.data(), static_cast<size_t>(rank_)}; }
  int64_t elements() const {
    int64_t product = 1;
    for (int64_t size : sizes()) product *= size;
    return product;
  }
  /// The size of the innermost axis.
  int64_t channels() const { return rank_ == 0 ? 1 : sizes_[rank_ - 1]; }
  /// Elements per channel: H*W of [H,W,C], 1 of [C].
  int64_t rows() const { return elements() / std::max<int64_t>(channels(), 1); }
  /// This shape with a new outermost axis before it: [H,W,C] -> [n,H,W,C].
  Shape batch_of(int64_t n) const {
    Shape out;
    out.rank_ = rank_ + 1;
    out.sizes_[0] = n;
    std::copy_n(sizes_.begin(), rank_, out.sizes_.begin() + 1);
    return out;
  }
  /// This shape without its outermost axis: [N,H,W,C] -> [H,W,C].
  Shape of_one() const { return Shape(sizes().subspan(1)); }
  /// "[32, 32, 3]".
  std::string text() const {
    std::string out = "[";
    for (int64_t size : sizes()) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
    return out + "]";
  }
  friend bool operator==(const Shape& a, const Shape& b) {
    return std::ranges::equal(a.sizes(), b.sizes());
  }

 private:
  std::array<int64_t, max_rank> sizes_{};
  int rank_ = 0;
};

/// A borrowed, contiguous array; `T` may be const.
template <typename T>
struct View {
  T* data = nullptr;
  Shape shape;

  View() = default;
  View(T* values, Shape sizes) : data(values), shape(sizes) {}
  /// A mutable view converts to a constant one.
  template <typename U>
  requires std::is_same_v<T, const U> View(const View<U>& other)
      : data(other.data), shape(other.shape) {}

  explicit operator bool() const { return data != nullptr; }
  int64_t elements() const { return shape.elements(); }
  std::span<T> values() const { return {data, static_cast<size_t>(elements())}; }
  /// `count` entries of the outermost axis from `first` on: some images of a batch.
  View slice(int64_t first, int64_t count) const {
    const Shape one = shape.of_one();
    return {data + first * one.elements(), one.batch_of(count)};
  }
};

/// An owning array, 64-byte aligned, zero-filled on construction.
template <typename T>
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape) : shape_(shape), data_(allocate(shape.elements())) {
    std::fill_n(data_.get(), shape.elements(), T{});
  }
  Tensor(const Tensor& other) {
    if (!other.data_) return;  // copies of an empty tensor are empty
    *this = Tensor(other.shape_);
    std::copy_n(other.data(), other.elements(), data());
  }
  Tensor& operator=(const Tensor& other) { return *this = Tensor(other); }
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;

  const Shape& shape() const { return shape_; }
  int64_t elements() const { return data_ ? shape_.elements() : 0; }
  bool empty() const { return elements() == 0; }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }
  std::span<T> values() { return {data(), static_cast<size_t>(elements())}; }
  std::span<const T> values() const { return {data(), static_cast<size_t>(elements())}; }
  View<T> view() { return {data(), shape_}; }
  View<const T> view() const { return {data(), shape_}; }
  void fill(T value) { std::fill_n(data(), elements(), value); }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(T* p) const { ::operator delete[](p, alignment); }
  };
  static T* allocate(int64_t n) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto bytes = static_cast<size_t>(std::max<int64_t>(n, 1)) * sizeof(T);
    return static_cast<T*>(::operator new[](bytes, alignment));
  }

  Shape shape_;
  std::unique_ptr<T[], Free> data_;
};

}  // namespace quantdyn
