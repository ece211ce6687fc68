// <quantdyn/experiment.h>: runs or checks an experiment and returns a report; prints nothing.
// set_worker_count() sets the number of threads, 1 by default. load_plugin_library() loads
// plugins.
#pragma once

#include "experiments/run/run.h"
#include "framework/base/threads.h"
#include "framework/config/plugin_library.h"
