// <quantdyn/layer.h>: the contract of a layer, and how a plugin registers one: RegisteredLayer.
#pragma once

#include "framework/base/threads.h"
#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/elementwise.h"
