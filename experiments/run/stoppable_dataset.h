// A dataset whose images can be read until a stop is requested.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "framework/base/stop_flag.h"

namespace quantdyn {

/// The same images; get() throws Stopped once `stop` is set, which ends whatever pass over images
/// is under way: calibration, evaluation, tracking. `stop` must outlive it.
std::unique_ptr<Dataset> stoppable(std::unique_ptr<Dataset> images, const StopFlag& stop);

}  // namespace quantdyn
