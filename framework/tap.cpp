#include "framework/tap.h"

namespace quantdyn {

std::string to_string(TapKind kind) {
  return kind == TapKind::conv ? "conv" : kind == TapKind::norm ? "norm" : "output";
}

}  // namespace quantdyn
