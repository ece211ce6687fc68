// How far a run is, from what its output folder holds.
#pragma once

#include <filesystem>
#include <string>

namespace quantdyn {

enum class MemberState {
  done,
  running,      ///< a process holds the folder's lock
  failed,       ///< it ended with an error
  interrupted,  ///< it was stopped or killed; there are snapshots or checkpoints
  waiting       ///< nothing is there
};

/// "done".
const char* name_of(MemberState state);

struct MemberStatus {
  MemberState state = MemberState::waiting;
  double seconds = 0;       ///< that a finished run took, or a running one has run; else NaN
  double since_saved = 0;   ///< seconds since a snapshot or checkpoint was written; else NaN
  std::string detail = {};  ///< why it failed, which variants did, or what is wrong with the result
};

/// Reads, and changes nothing. A result is opened as by ResultReader; a damaged one is a failure.
MemberStatus status_of(const std::filesystem::path& output);

}  // namespace quantdyn
