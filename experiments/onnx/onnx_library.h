// The door to libonnx and protobuf: their headers, for the .cpp files of this room only.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>
