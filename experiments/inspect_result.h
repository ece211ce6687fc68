// `quantdyn inspect result.h5`: what a result holds, as tables for a terminal.
#pragma once

#include <filesystem>
#include <string>

namespace quantdyn {

/// Header facts, /network, the training curve's last row, a row a snapshot of /networkwise, and of
/// the last snapshot a row a node: weight and output min, max, mean and std, channel precision,
/// SQNR where present. Error as ResultReader.
std::string inspect_result(const std::filesystem::path& path);

}  // namespace quantdyn
