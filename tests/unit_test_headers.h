// What most tests include, compiled once a program: see framework/base/standard_headers.h.
#pragma once

#include <boost/test/unit_test.hpp>

#include "framework/base/standard_headers.h"
