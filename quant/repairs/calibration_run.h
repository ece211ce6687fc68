// How repairs see the calibration images.
#pragma once

#include <functional>

#include "framework/run/evaluator.h"

namespace quantdyn {

/// Shows all calibration images to a net whose taps have observers.
using CalibrationRun = std::function<void(Evaluator&)>;

}  // namespace quantdyn
