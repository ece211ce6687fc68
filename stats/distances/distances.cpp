#include "stats/distances/distances.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

uint64_t total_of(std::span<const uint64_t> counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

double share(uint64_t part, uint64_t total) {
  return static_cast<double>(part) / static_cast<double>(total);
}

void require_same_bins(std::span<const uint64_t> p, std::span<const uint64_t> q) {
  if (p.size() != q.size())
    throw_error("distance: {} bins and {}; they must be the same", p.size(), q.size());
}

/// E[f(K / n)] of expected_js_divergence(), f in nat, by summing over K from its mode b n outwards.
double summed_js_part(double n, double b) {
  constexpr double negligible = 1e-20;  // of the mode's weight
  const double mode = std::min(n, std::floor((n + 1) * b)), odds = b / (1 - b);
  double weights = 0, sum = 0;
  const auto add = [&](double k, double weight) {
    const double a = k / n, middle = (a + b) / 2;
    const double f = ((k > 0 ? a * std::log(a / middle) : 0) + b * std::log(b / middle)) / 2;
    weights += weight;
    sum += weight * f;
  };
  double weight = 1;
  for (double k = mode; k <= n && weight > negligible; ++k) {
    add(k, weight);
    weight *= (n - k) / (k + 1) * odds;
  }
  weight = 1;
  for (double k = mode; k > 0; --k) {
    weight *= k / (n - k + 1) / odds;
    if (weight <= negligible) break;
    add(k - 1, weight);
  }
  return sum / weights;
}

/// The same from the central moments of K, whose formulae are those of the binomial distribution.
double expanded_js_part(double n, double b) {
  const double c = 1 - b, s = b * c, v = n * s;  // v: the variance
  const double m3 = v * (c - b), m4 = v * (1 + 3 * (n - 2) * s),
               m5 = v * (c - b) * (1 + 2 * s * (5 * n - 6)),
               m6 = v * (1 - 30 * s * (1 - 4 * s) + 5 * v * (5 - 26 * s) + 15 * v * v);
  // f^(k)(b) / k! is b^(1 - k) times 1/8, -1/16, 7/192, -3/128 and 31/1920, for k from 2 to 6.
  const double u = 1 / (n * b);
  return b * u * u *
         (v / 8 + u * (-m3 / 16 + u * (m4 * 7 / 192 + u * (-m5 * 3 / 128 + u * m6 * 31 / 1920))));
}

/// Where one bin's mass lies.
struct Mass {
  double share, lower, upper;

  /// The part of it at or below x, and the part below x: they differ at a point mass.
  double up_to(double x) const { return x >= upper ? share : x <= lower ? 0 : inside(x); }
  double below(double x) const { return x <= lower ? 0 : x >= upper ? share : inside(x); }
  double inside(double x) const { return share * ((x - lower) / (upper - lower)); }
};

/// Integral of |d| over a width on which d runs from `from` to `to` along a straight line.
double area(double from, double to, double width) {
  const double a = std::abs(from), b = std::abs(to);
  if (std::signbit(from) == std::signbit(to) || a + b == 0) return (a + b) / 2 * width;
  return (a * a + b * b) / (2 * (a + b)) * width;
}

/// The integral over one bin, where F - G runs from `before` to `after` and the ends of the masses
/// differ.
double area_of_end_bin(double lower, double upper, const Mass& p, const Mass& q, double before,
                       double after) {
  std::array<double, 6> places{lower, p.lower, p.upper, q.lower, q.upper, upper};
  std::ranges::sort(places);
  // After both masses use `after` itself: a rounding error times the width of overflow is not area.
  const double end = std::max(p.upper, q.upper);
  double out = 0;
  for (size_t i = 0; i + 1 < places.size(); ++i) {
    const double x = places[i], y = places[i + 1];
    const double from = x >= end ? after : before + (p.up_to(x) - q.up_to(x));
    const double to = y > end ? after : before + (p.below(y) - q.below(y));
    out += area(from, to, y - x);
  }
  return out;
}

}  // namespace

double kl_divergence(std::span<const uint64_t> p, std::span<const uint64_t> q) {
  require_same_bins(p, q);
  const uint64_t p_total = total_of(p), q_total = total_of(q);
  if (p_total == 0 || q_total == 0) return missing;
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) continue;
    if (q[i] == 0) return infinity;
    const double own = share(p[i], p_total);
    sum += own * std::log(own / share(q[i], q_total));
  }
  return sum;
}

double js_divergence(std::span<const uint64_t> p, std::span<const uint64_t> q) {
  require_same_bins(p, q);
  const uint64_t p_total = total_of(p), q_total = total_of(q);
  if (p_total == 0 || q_total == 0) return missing;
  uint64_t only_p = 0, only_q = 0;  // p_i log2(p_i / (p_i / 2)) = p_i
  double shared = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    if (q[i] == 0) {
      only_p += p[i];
    } else if (p[i] == 0) {
      only_q += q[i];
    } else {
      const double a = share(p[i], p_total), b = share(q[i], q_total), middle = (a + b) / 2;
      // Not negative by the log-sum inequality, except for rounding.
      shared += std::max(0.0, a * std::log2(a / middle) + b * std::log2(b / middle));
    }
  }
  return (share(only_p, p_total) + share(only_q, q_total)) / 2 + shared / 2;
}

double expected_js_divergence(uint64_t values, std::span<const uint64_t> q) {
  const uint64_t total = total_of(q);
  if (values == 0 || total == 0) return missing;
  const auto n = static_cast<double>(values);
  double sum = 0;
  for (const uint64_t count : q) {
    if (count == 0 || count == total) continue;  // a bin that always has the same share
    const double b = share(count, total);
    sum += n * b * (1 - b) > 1000 ? expanded_js_part(n, b) : summed_js_part(n, b);
  }
  return sum / std::numbers::ln2;
}

BinEdges::BinEdges(const LogBins& b) : bins(b) {
  for (int32_t bin = 0; bin < b.size(); ++bin) {
    lower.push_back(b.lower(bin));
    upper.push_back(b.upper(bin));
  }
}

BinnedDistribution::BinnedDistribution(const BinEdges& edges, std::span<const uint64_t> counts,
                                       double minimum, double maximum)
    : edges_(&edges), first_(edges.bins.nan()), minimum_(minimum), maximum_(maximum) {
  if (static_cast<int64_t>(counts.size()) != edges.bins.size())
    throw_error("distribution: {} counts for {} bins", counts.size(), edges.bins.size());
  counts_ = counts.first(counts.size() - 1);
  for (int32_t bin = 0; bin < edges.bins.nan(); ++bin) {
    if (counts_[bin] == 0) continue;
    total_ += counts_[bin];
    first_ = std::min(first_, bin);
    last_ = bin;
  }
  if (empty()) return;
  const auto is_outside = [&](double end, int32_t bin) {
    return end < edges.lower[bin] || end > edges.upper[bin];  // false of NaN
  };
  if (is_outside(minimum, first_) || is_outside(maximum, last_))
    throw_error("distribution: ends {} and {}; the outermost bins hold [{}, {}] and [{}, {}]",
                minimum, maximum, edges.lower[first_], edges.upper[first_], edges.lower[last_],
                edges.upper[last_]);
}

double BinnedDistribution::lower(int32_t bin) const {
  const double edge = edges_->lower[bin];
  return minimum_ > edge ? minimum_ : edge;
}

double BinnedDistribution::upper(int32_t bin) const {
  const double edge = edges_->upper[bin];
  return maximum_ < edge ? maximum_ : edge;
}

double wasserstein_distance(const BinnedDistribution& p, const BinnedDistribution& q) {
  if (p.edges().bins != q.edges().bins) throw_error("Wasserstein distance: the bins differ");
  if (p.empty() || q.empty()) return missing;
  const BinEdges& edges = p.edges();
  const int32_t last = std::max(p.last(), q.last());
  const auto draws_in = [](const BinnedDistribution& d, int32_t bin) {
    return bin == d.first() || bin == d.last();
  };
  uint64_t p_count = 0, q_count = 0;
  double sum = 0, before = 0;
  // F - G from whole counts: exactly 0 outside of both and wherever the shares are the same.
  for (int32_t bin = std::min(p.first(), q.first()); bin <= last; ++bin) {
    p_count += p.counts()[bin];
    q_count += q.counts()[bin];
    const double after = share(p_count, p.total()) - share(q_count, q.total());
    const double lower = edges.lower[bin], upper = edges.upper[bin];
    if (std::isinf(lower) || std::isinf(upper)) {
      if (lower == upper && (lower < 0 ? after : before) != 0) return infinity;
    } else if (!draws_in(p, bin) && !draws_in(q, bin)) {
      sum += area(before, after, upper - lower);
    } else {
      const auto mass = [bin](const BinnedDistribution& d) {
        return Mass{share(d.counts()[bin], d.total()), d.lower(bin), d.upper(bin)};
      };
      Mass of_p = mass(p), of_q = mass(q);
      if (of_p.share == 0) of_p = {0, of_q.lower, of_q.upper};
      if (of_q.share == 0) of_q = {0, of_p.lower, of_p.upper};
      sum += area_of_end_bin(lower, upper, of_p, of_q, before, after);
    }
    before = after;
  }
  return sum;
}

double wasserstein_bound(const BinnedDistribution& p, const BinnedDistribution& q) {
  double out = 0;
  for (const BinnedDistribution* d : {&p, &q}) {
    if (d->empty()) return missing;
    for (int32_t bin = d->first(); bin <= d->last(); ++bin)
      if (std::isfinite(d->lower(bin)) && std::isfinite(d->upper(bin)))
        out += share(d->counts()[bin], d->total()) * (d->upper(bin) - d->lower(bin)) / 2;
  }
  return out;
}

}  // namespace quantdyn
