// A pointer that is as const as what holds it.
#pragma once

#include <memory>
#include <utility>

namespace quantdyn {

/// Holds a `Pointer` (T* or unique_ptr<T>); whoever may only read the holder may only read the
/// target. Not to be copied, as a copy of a const one would let go of that.
template <typename Pointer>
class DeepPointer {
 public:
  using Target = typename std::pointer_traits<Pointer>::element_type;

  DeepPointer() = default;
  DeepPointer(Pointer pointer) : pointer_(std::move(pointer)) {}
  DeepPointer(DeepPointer&&) noexcept = default;
  DeepPointer& operator=(DeepPointer&&) noexcept = default;

  Target* get() { return pointer_ ? &*pointer_ : nullptr; }
  const Target* get() const { return pointer_ ? &*pointer_ : nullptr; }
  Target* operator->() { return get(); }
  const Target* operator->() const { return get(); }
  Target& operator*() { return *get(); }
  const Target& operator*() const { return *get(); }
  explicit operator bool() const { return pointer_ != nullptr; }

 private:
  Pointer pointer_{};
};

}  // namespace quantdyn
