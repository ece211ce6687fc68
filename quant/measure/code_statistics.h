// Which codes a quantized tensor uses, and how far its values are from those of its float twin.
#pragma once

#include <string>
#include <vector>

#include "framework/base/threads.h"
#include "framework/h5/frame.h"
#include "quant/measure/code_distances.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {

/// Counts the codes of a quantized tensor and of its float twin (same tap, same images), by
/// channel.
///
/// Writes code_entropy, dead_codes and code_occupancy of the quantized values; and beside the float
/// twin's x: cell_kl, cell_kl_missing and cell_js on the quantizer's code cells, wasserstein and
/// wasserstein_uncertainty in the unit of values. A layer's codes are those of its channels
/// together; its Wasserstein distance is that of all values where channels share their levels, else
/// the mean of the channels' weighted by their values. A NaN has no code: it is left out of shares
/// and makes the Wasserstein distance NaN.
///
/// A worker keeps 32 bytes per channel and code, 8 KB per channel at 8 bits, whatever the number of
/// images: counts, and sums of offsets within half a gap in units of 2^-30 of it, whole numbers
/// that need no order. What lies beyond the levels is summed in double by chunks. Results have the
/// same bits for any number of workers.
class CodeStatistics final : public Observer {
 public:
  /// Wider quantizers have too many codes to count by channel.
  static constexpr int widest = 8;

  /// The quantization outlives this and has at most `widest` bits.
  CodeStatistics(const Quantization& quantization, int64_t channels, int workers);
  CodeStatistics(const CodeStatistics&) = delete;
  CodeStatistics& operator=(const CodeStatistics&) = delete;

  /// Values of the quantized run ahead of the quantizer: the observer of a tap, before its
  /// transform.
  void add(const Tile& z) override;
  void end_chunk(int64_t, int) override {}  // counts need no order
  /// Whether add_levels() can be called: the scheme is affine and its zero point is near its codes,
  /// so that the code follows from the level.
  bool knows_levels() const { return !per_unit_.empty(); }
  /// Instead of add(): values after the quantizer. Cheaper, as a whole chunk is there at once.
  void add_levels(const Tile& q);
  /// Known codes, packed, for the places of the tile (its values are not read).
  void add_codes(const Tile& tile, const int32_t* codes);
  /// The float twin's values.
  void add_reference(const Tile& x);
  void end_reference_chunk(int64_t chunk, int worker);
  /// Call once, after everything was added. Throws Error if a channel has 2^32 values or more.
  void save(Frame& frame, const std::string& tensor, int64_t node);

 private:
  /// Half a gap is cut into this many parts, to which offsets are rounded.
  static constexpr double parts_of_half = 1 << 30;

  /// Of one channel and place: a code counts where it is from the first one on, a gap where its
  /// lower level is among the finite ones in ascending order.
  struct Cell {
    int64_t offsets[2] = {};  // of the gap's halves, in parts
    uint32_t in_half[2] = {};
    uint32_t reference = 0, quantized = 0;  // values with this code

    void add(const Cell& other);
  };
  struct Gap {
    double begins[2];  // of its halves
    double parts_per_unit;
  };
  struct Entry {
    std::vector<Gap> gaps;        // by finite level, ascending; the last has no width
    std::vector<int32_t> level;   // by code: its place in gaps
    std::vector<char> is_finite;  // by code
    std::vector<char> is_given;   // by code
  };
  struct Tails {
    double below = 0, below_excess = 0, above = 0, above_excess = 0;
  };
  struct alignas(64) Worker {
    std::vector<Cell> cells;                                          // [channels, codes]
    std::vector<uint64_t> uncoded_quantized, references, quantizeds;  // by channel
    std::vector<Tails> tails;                                         // of the open chunk
    ChunkTree<std::vector<Tails>> tree;
    std::vector<int32_t> codes;    // of one tile
    std::vector<float> quantized;  // of one tile
  };
  /// The results of a channel or a whole layer.
  struct Total {
    CodeCounts counts;
    LevelGaps gaps;
    std::vector<char> is_given;  // by code
    bool has_uncoded = false;    // among the quantized values
  };
  static Entry entry_of_levels(const std::vector<float>& levels);
  static void merge(std::vector<Tails>& left, std::vector<Tails>&& right);
  Worker& open(int worker);
  const int32_t* codes_of(const Tile& tile, Worker& mine) const;
  const int32_t* codes_of_levels(const Tile& q, Worker& mine) const;
  static int32_t search(double x, int32_t level, const Gap* gaps, int32_t last);
  static void locate(double x, int32_t level, const Entry& entry, Cell* cells, Tails& tails);
  std::vector<Tails> finish_tails();
  Total empty_total(const Entry& entry) const;
  Total total_of(int64_t channel, const Tails& tails) const;
  void require_countable(int64_t channel) const;
  static void add(Total& to, const Total& from);
  static Distance distance_of(const Total& total);

  const Quantization& quantization_;
  int64_t channels_, codes_;
  std::vector<Entry> entries_;
  std::vector<const Entry*> by_channel_;
  std::vector<float> per_unit_, zero_;  // by channel, affine: codes a unit, places of zero's code
  std::vector<Worker> workers_;
};

}  // namespace quantdyn
