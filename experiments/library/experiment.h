// <quantdyn/experiment.h>: runs or checks an experiment and returns a report; prints nothing.
// set_worker_count() says how many threads work: 1 unless told. load_plugin_library() loads
// plugins.
#pragma once

#include "experiments/run/run.h"
#include "framework/base/threads.h"
#include "framework/config/plugin_library.h"
