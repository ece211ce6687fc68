// <quantdyn/config.h>: Options, the strict reader of YAML that every plugin takes its keys from;
// the errors; the version.
#pragma once

#include "framework/base/error.h"
#include "framework/base/version.h"
#include "framework/config/options.h"
