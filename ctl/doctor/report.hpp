/// What the doctor says: to people, and to programs.
#pragma once

#include "doctor/examine.hpp"

#include <boost/json/value.hpp>

#include <string>

namespace epmd::ctl::doctor {

/// "idfe@lowry -> idfe@indecline", above the steps of a direction.
std::string heading_of(const direction&);

/// A line for a step, with a tick or a cross.
std::string line_of(const finding&);

/// What comes below the steps: the cause, why it matters, and what to type.
std::string verdict_of(const examination&);

/// docs/doctor.md has the schema.
boost::json::value json_of(const examination&);

} // namespace epmd::ctl::doctor
