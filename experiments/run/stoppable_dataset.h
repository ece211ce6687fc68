// A dataset as a run reads it: until a stop is requested, and with errors of a kind of their own.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "framework/base/stop_flag.h"

namespace quantdyn {

/// Images that were checked can no longer be read: what was computed with them is not at fault.
class DataError final : public Error {
 public:
  using Error::Error;
};

/// The same images; get() throws Stopped once `stop` is set, which ends whatever pass over images
/// is under way: calibration, evaluation, tracking. What the dataset throws becomes a DataError.
/// `stop` must outlive it.
std::unique_ptr<Dataset> stoppable(std::unique_ptr<Dataset> images, const StopFlag& stop);

}  // namespace quantdyn
