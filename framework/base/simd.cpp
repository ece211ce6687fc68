#include "framework/base/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/base/simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
int64_t this_target() { return HWY_TARGET; }
}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {
HWY_EXPORT(this_target);
std::string simd_target() { return hwy::TargetName(HWY_DYNAMIC_DISPATCH(this_target)()); }
}  // namespace quantdyn
#endif
