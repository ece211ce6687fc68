// What most sources include. With -Db_pch=true, as tests/run.sh --sanitize sets it, this is compiled
// once a library. A source includes what it needs all the same: other builds have no such header.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "framework/base/error.h"
