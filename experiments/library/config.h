// <quantdyn/config.h>: Options, the strict YAML reader from which every plugin takes its keys;
// the errors; the version.
#pragma once

#include "framework/base/error.h"
#include "framework/base/version.h"
#include "framework/config/options.h"
