// <quantdyn/statistic.h>: the contract of a statistic with its axes, and how a plugin registers
// one: Registered<StatisticKind>.
#pragma once

#include "stats/tracking/statistic.h"
