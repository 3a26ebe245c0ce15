"""Says when cron lines run, in three ways that are not ours: what crates/heartbeat-core/tests/cron_oracle.rs compares with.

Each line on stdin is one question in JSON, `{"line": "0 3 * * *", "zone": "Europe/Berlin", "at": 1767225600, "croniter": true}`;
each line on stdout its answer, `{"next": 1767232800, "before": 1767146400, "by": ["croniter", "croniter"]}`, in seconds since
the epoch. Where the clock is changed croniter follows rules of its own; so the hours around every change are answered by
walking through their minutes one after another, with the rules of cron(8) written down as plainly as they can be ("minutes").
Outside of them croniter answers; or, with `"croniter": false`, for what it does not know, a walk through the days ("calendar").

Run it as `python3 -I -S tools/cron-oracle.py FOLDER`, where FOLDER is target/tools/cron-oracle: without the packages of the
machine, and with no zones but those of the list.
"""

import calendar
import functools
import json
import sys
import zoneinfo
from datetime import datetime, time, timedelta, timezone

MINUTE, HOUR, DAY = 60, 3_600, 86_400
# A change this large is a new zone and not a season.
NEW_ZONE = 3 * HOUR
UTC = timezone.utc


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python3 -I -S cron-oracle.py FOLDER < QUESTIONS")
    sys.path.insert(0, sys.argv[1])
    zoneinfo.reset_tzpath(to=[])
    for question in sys.stdin:
        print(json.dumps(answer(**json.loads(question))), flush=True)


def answer(line, zone, at, croniter):
    following, by_following = Search(line, zone, at, croniter, 1).run()
    before, by_before = Search(line, zone, at, croniter, -1).run()
    return {"next": following, "before": before, "by": [by_following, by_before]}


class Search:
    """The nearest run strictly after (direction 1) or before (-1) an instant."""

    def __init__(self, line, zone, at, croniter, direction):
        self.fields = Fields(line)
        self.zone = zoneinfo.ZoneInfo(zone)
        self.outside = ("croniter", self.by_croniter) if croniter else ("calendar", self.by_calendar)
        self.at, self.direction = at, direction

    def run(self):
        start = self.at
        name, search = self.outside
        while True:
            found = search(start)
            end = found if found is not None else start
            for low, high in self.windows(start, end):
                run = self.by_minutes(low, high)
                if run is not None:
                    return run, "minutes"
                if found is not None and low <= found < high:
                    # A run that the rules of the change do not know: on behind it.
                    start = high - 1 if self.direction > 0 else low
                    break
            else:
                return found, name

    def windows(self, start, end):
        """The hours around the changes from start to end, in the order in which they are met."""
        low, high = min(start, end), max(start, end)
        around = [around_change(*change) for change in changes(self.zone.key, low - 2 * DAY, high + 2 * DAY)]
        met = [window for window in around if window[1] > low and window[0] <= high]
        return met if self.direction > 0 else met[::-1]

    def by_minutes(self, low, high):
        days = {datetime.fromtimestamp(instant, self.zone).date() for instant in range(low - DAY, high + DAY, DAY // 2)}
        if not any(self.fields.names_day(*day.timetuple()[:3]) for day in days):
            return None
        runs = [run for run in self.fields.runs(self.zone.key, low, high) if (run - self.at) * self.direction > 0]
        if not runs:
            return None
        return min(runs) if self.direction > 0 else max(runs)

    def by_croniter(self, start):
        from croniter import CroniterBadDateError, croniter

        local = datetime.fromtimestamp(start, self.zone)
        try:
            cron = croniter(self.fields.for_croniter(), local, implement_cron_bug=True)
            return int(cron.get_next(float) if self.direction > 0 else cron.get_prev(float))
        except CroniterBadDateError:
            return None


    def by_calendar(self, start):
        """Day after day: right where no change of the clock is near."""
        day = datetime.fromtimestamp(start, self.zone).date()
        end = day.year + self.direction * 50
        while day.year != end:
            if day.month not in self.fields.months:
                day = (day.replace(day=28) + timedelta(days=4) if self.direction > 0 else day).replace(day=1)
                day -= timedelta(days=self.direction < 0)
                continue
            if self.fields.names_day(*day.timetuple()[:3]):
                times = [time(hour, minute) for hour in self.fields.hours for minute in self.fields.minutes]
                runs = [int(datetime.combine(day, one, self.zone).timestamp()) for one in times]
                runs = [run for run in runs if (run - start) * self.direction > 0]
                if runs:
                    return min(runs) if self.direction > 0 else max(runs)
            day += timedelta(days=self.direction)
        return None


class Fields:
    """The five fields, read the plain way: what matches a local minute."""

    MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
    WEEKDAYS = {name: number for number, name in enumerate("SUN MON TUE WED THU FRI SAT".split())}

    def __init__(self, line):
        self.texts = line.upper().replace("?", "*").split()
        minute, hour, of_month, month, of_week = self.texts
        self.minutes = numbers(minute, 0, 59)
        self.hours = numbers(hour, 0, 23)
        self.months = numbers(month, 1, 12, self.MONTHS)
        self.of_month = [self.day(item) for item in of_month.split(",")]
        self.of_week = [self.weekday(item) for item in of_week.split(",")]
        self.wild = minute.startswith("*") or hour.startswith("*")
        self.both = of_month.startswith("*") or of_week.startswith("*")
        self.known = {}

    def for_croniter(self):
        """croniter writes the last Friday L5."""
        of_week = self.texts[4]
        return " ".join(self.texts[:4] + ["L" + of_week[:-1] if of_week.endswith("L") else of_week])

    def names_day(self, year, month, day):
        if month not in self.months:
            return False
        if (year, month, day) not in self.known:
            length = calendar.monthrange(year, month)[1]
            of_month = any(item(year, month, day, length) for item in self.of_month)
            of_week = any(item(year, month, day, length) for item in self.of_week)
            self.known[year, month, day] = (of_month and of_week) if self.both else (of_month or of_week)
        return self.known[year, month, day]

    def day(self, item):
        """What tells whether a day is the one of this item."""
        if item == "L":
            return lambda year, month, day, length: day == length
        if item == "LW":
            return lambda year, month, day, length: day == max(workdays(year, month, length - 3, length))
        if item.endswith("W"):
            wanted = int(item[:-1])
            return lambda year, month, day, length: wanted <= length and day == min(
                workdays(year, month, max(wanted - 3, 1), min(wanted + 3, length)), key=lambda one: abs(one - wanted)
            )
        named = numbers(item, 1, 31)
        return lambda year, month, day, length: day in named

    def weekday(self, item):
        if "#" in item:
            (weekday,), nth = self.weekdays(item.split("#")[0]), int(item.split("#")[1])
            return lambda year, month, day, length: sunday_zero(year, month, day) == weekday and (day - 1) // 7 + 1 == nth
        if item.endswith("L"):
            (weekday,) = self.weekdays(item[:-1])
            return lambda year, month, day, length: sunday_zero(year, month, day) == weekday and day + 7 > length
        named = self.weekdays(item)
        return lambda year, month, day, length: sunday_zero(year, month, day) in named

    def weekdays(self, item):
        last = 6 if item.startswith("*") else 7
        return {number % 7 for number in numbers(item.replace("-SUN", "-7"), 0, last, self.WEEKDAYS)}

    def matches(self, year, month, day, hour, minute):
        return minute in self.minutes and hour in self.hours and self.names_day(year, month, day)

    def runs(self, zone, low, high):
        """Minute after minute: what matches; for fixed times not again, and what was skipped at the moment after."""
        for instant, local, repeated, skipped in minutes(zone, low, high):
            if self.matches(*local) and (self.wild or not repeated):
                yield instant
            elif not self.wild and any(self.matches(*missing) for missing in skipped):
                yield instant


@functools.cache
def minutes(zone_name, low, high):
    """All whole minutes from low to before high: the instant, its local time, whether that is a repetition, and which
    local minutes the clock skipped just before it. A change of zone repeats and skips nothing."""
    zone = zoneinfo.ZoneInfo(zone_name)
    found = []
    previous = datetime.fromtimestamp(low - MINUTE, zone)
    for instant in range(low, high, MINUTE):
        local = datetime.fromtimestamp(instant, zone)
        repeated = local.fold == 1 and seconds(local.replace(fold=0).utcoffset() - local.utcoffset()) < NEW_ZONE
        # Aware times of one zone are subtracted as its clocks show them.
        gap = seconds(local - previous) - MINUTE
        skipped = [previous + timedelta(minutes=n + 1) for n in range(gap // MINUTE)] if 0 < gap < NEW_ZONE else []
        found.append((instant, parts(local), repeated, [parts(missing) for missing in skipped]))
        previous = local
    return found


def parts(local):
    return local.year, local.month, local.day, local.hour, local.minute


def seconds(delta):
    return int(delta.total_seconds())


@functools.cache
def sunday_zero(year, month, day):
    return (calendar.weekday(year, month, day) + 1) % 7


def workdays(year, month, first, last):
    return [day for day in range(first, last + 1) if sunday_zero(year, month, day) not in (0, 6)]


def around_change(instant, by):
    """The hours in which a change of the clock can show: its length and some more, in whole minutes."""
    hours = abs(by) + 4 * HOUR
    return (instant - hours) // MINUTE * MINUTE, (instant + hours) // MINUTE * MINUTE


def changes(zone_name, low, high):
    first, last = datetime.fromtimestamp(low, UTC).year, datetime.fromtimestamp(high, UTC).year
    found = [change for year in range(first, last + 1) for change in changes_of_year(zone_name, year)]
    return [change for change in found if low <= change[0] <= high]


@functools.cache
def changes_of_year(zone_name, year):
    """Each change of the offset with its size, found by looking every other day and halving."""
    zone = zoneinfo.ZoneInfo(zone_name)

    def offset(instant):
        return seconds(datetime.fromtimestamp(instant, zone).utcoffset())

    found = []
    start, end = (int(datetime(y, 1, 1, tzinfo=UTC).timestamp()) for y in (year, year + 1))
    for low in range(start, end, 2 * DAY):
        high = min(low + 2 * DAY, end)
        if offset(low) != offset(high):
            by = offset(high) - offset(low)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
            found.append((high, by))
    return found


def numbers(field, low, high, names=()):
    """The numbers of a list of ranges with steps."""
    found = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = ("%d-%d" % (low, high) if span == "*" else span).partition("-")
        first = names[first] if first in names else int(first)
        last = (names[last] if last in names else int(last)) if last else (high if step else first)
        found.update(range(first, last + 1, int(step or 1)))
    return found


if __name__ == "__main__":
    main()
