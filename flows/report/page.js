/* Draws the page from the facts in it. Every figure is a sum over days and reasons, as the macros of ooo.duckdb
   give it; nothing is fetched. Elements that hold a figure carry it unformatted in data-value. */

(() => {
  const DAY = 86400000;
  const WEEKS_UP_TO_DAYS = 130; // a shorter range is drawn by week, a longer one by month
  const FEW_ROWS = 25;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const byId = (id) => document.getElementById(id);
  const charts = {};
  const state = { showsAll: false };

  // Dates are civil: numbers of days since 1970, never a local time.
  const dayOf = (text) => Date.parse(`${text}T00:00:00Z`) / DAY;
  const textOf = (day) => new Date(day * DAY).toISOString().slice(0, 10);
  const weekdayOf = (day) => (((day + 3) % 7) + 7) % 7; // 0 Monday
  const long = new Intl.DateTimeFormat("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });
  const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const longDate = (day) => long.format(new Date(day * DAY));
  const shortDate = (day) => short.format(new Date(day * DAY));
  const weekdayDate = (day) =>
    `${["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][weekdayOf(day)]} ${shortDate(day)}`;
  const count = (number) => number.toLocaleString("en-GB");
  const percent = (share) => (share === null ? "–" : `${(share * 100).toFixed(1)} %`);
  const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

  const firstDay = dayOf(facts.first_on);
  const lastDay = dayOf(facts.last_on);
  const today = dayOf(facts.today_on);
  const labels = Object.fromEntries(facts.reasons.map((one) => [one.reason, one.label]));

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "style") made.style.cssText = value;
      else if (value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const swatch = (reason) => `--swatch: var(--reason-${reason}, var(--reason-unknown))`;

  function table(id, header, rows, isNumber = () => false) {
    const cells = (tag, row) =>
      row.map((cell, at) =>
        element(tag, { class: isNumber(at) ? "n" : null, scope: tag === "th" ? "col" : null }, cell),
      );
    byId(id).replaceChildren(
      element("thead", {}, element("tr", {}, ...cells("th", header))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells("td", row)))),
    );
  }

  function tiles(id, list) {
    byId(id).replaceChildren(
      ...list.map(([name, text, label, value]) =>
        element(
          "div",
          { class: "tile" },
          element("b", { id: name, "data-value": value }, text),
          element("span", {}, label),
        ),
      ),
    );
  }

  // The filters.
  function chosen() {
    const organization = byId("organization").value;
    const reasons = [...document.querySelectorAll("#reasons input:checked")].map((one) => one.value);
    const from = dayOf(byId("from").value);
    const to = dayOf(byId("to").value);
    return {
      organizations: facts.organizations.filter(
        (one) => !organization || String(one.organization_id) === organization,
      ),
      reasons,
      from,
      to,
      measure: byId("measure").value,
    };
  }

  function problemOf({ from, to }) {
    if (!Number.isFinite(from) || !Number.isFinite(to)) return "Give both dates.";
    if (from > to) return "The first date has to lie before the last.";
    if (from < firstDay || to > lastDay)
      return `This page covers ${longDate(firstDay)} to ${longDate(lastDay)}.`;
    return "";
  }

  /* One sum a day from `from` to `to`, of a quantity over the chosen organizations and reasons. */
  function series(choice, quantity, from, to, reasons = choice.reasons) {
    const sums = new Array(Math.max(to - from + 1, 0)).fill(0);
    for (const organization of choice.organizations)
      for (const reason of reasons) {
        const days = organization[quantity]?.[reason] || [];
        for (let at = 0; at < sums.length; at += 1) sums[at] += days[from - firstDay + at] || 0;
      }
    return sums;
  }
  const total = (numbers) => numbers.reduce((sum, one) => sum + one, 0);

  function available(choice) {
    return total(
      choice.organizations.map((one) =>
        total(one.available_working_days.slice(choice.from - firstDay, choice.to - firstDay + 1)),
      ),
    );
  }

  // Charts.
  function draw(id, option, summary) {
    charts[id] ??= echarts.init(byId(id), null, { renderer: "svg" });
    const chart = charts[id];
    const text = { color: colour("--soft"), fontFamily: colour("--sans"), fontSize: 12 };
    chart.setOption(
      {
        animation: false,
        textStyle: text,
        aria: { enabled: false, decal: { show: matchMedia("(prefers-contrast: more)").matches } },
        tooltip: {
          backgroundColor: colour("--card"),
          borderColor: colour("--line"),
          textStyle: { color: colour("--ink") },
          confine: true,
          ...option.tooltip,
        },
        ...Object.fromEntries(Object.entries(option).filter(([name]) => name !== "tooltip")),
      },
      true,
    );
    byId(id).setAttribute("aria-label", summary);
    byId(`${id}-text`).textContent = summary;
  }
  const axis = (extra = {}) => ({
    axisLine: { lineStyle: { color: colour("--line") } },
    axisTick: { show: false },
    axisLabel: { color: colour("--soft"), hideOverlap: true },
    splitLine: { lineStyle: { color: colour("--line") } },
    ...extra,
  });

  function periodsOf(from, to) {
    const byWeek = to - from + 1 <= WEEKS_UP_TO_DAYS;
    const keyOf = byWeek
      ? (day) => textOf(Math.max(day - weekdayOf(day), from))
      : (day) => textOf(day).slice(0, 7);
    const labelOf = byWeek
      ? (key) => shortDate(dayOf(key))
      : (key) => `${MONTHS[Number(key.slice(5)) - 1]} ${key.slice(0, 4)}`;
    return { keyOf, labelOf, name: byWeek ? "Week of" : "Month" };
  }

  function drawHistory(choice) {
    const { keyOf, labelOf, name } = periodsOf(choice.from, choice.to);
    const keys = [];
    for (let day = choice.from; day <= choice.to; day += 1)
      if (keys.at(-1) !== keyOf(day)) keys.push(keyOf(day));
    const place = Object.fromEntries(keys.map((key, at) => [key, at]));
    const sums = choice.reasons.map((reason) => {
      const perPeriod = new Array(keys.length).fill(0);
      series(choice, choice.measure, choice.from, choice.to, [reason]).forEach((days, at) => {
        perPeriod[place[keyOf(choice.from + at)]] += days;
      });
      return { reason, perPeriod };
    });
    const all = keys.map((_, at) => total(sums.map((one) => one.perPeriod[at])));
    const fullest = all.indexOf(Math.max(...all));
    draw(
      "history",
      {
        grid: {
          left: 8,
          right: 8,
          top: byId("history").clientWidth > 560 ? 36 : 10,
          bottom: 10,
          containLabel: true,
        },
        legend: {
          show: byId("history").clientWidth > 560,
          top: 0,
          left: 0,
          icon: "roundRect",
          itemWidth: 12,
          itemHeight: 12,
          textStyle: { color: colour("--ink") },
          selectedMode: false,
        },
        tooltip: { trigger: "axis", axisPointer: { type: "shadow" } },
        xAxis: axis({ type: "category", data: keys.map(labelOf), splitLine: { show: false } }),
        yAxis: axis({ type: "value", minInterval: 1 }),
        series: sums.map(({ reason, perPeriod }) => ({
          type: "bar",
          name: labels[reason],
          stack: "all",
          data: perPeriod,
          barCategoryGap: "25%",
          itemStyle: { color: colour(`--reason-${reason}`) || colour("--reason-unknown") },
        })),
      },
      total(all) === 0
        ? "No absence in these dates for these reasons."
        : `${count(total(all))} days of absence; most in ${name === "Month" ? "" : "the week of "}${labelOf(keys[fullest])}, ${count(all[fullest])}.`,
    );
    table(
      "history-table",
      [name, ...choice.reasons.map((one) => labels[one]), "All"],
      keys.map((key, at) => [labelOf(key), ...sums.map((one) => count(one.perPeriod[at])), count(all[at])]),
      (at) => at > 0,
    );
    drawReasons(choice, sums);
  }

  function drawReasons(choice, sums) {
    const working = Object.fromEntries(
      choice.reasons.map((one) => [
        one,
        total(series(choice, "absence_working_days", choice.from, choice.to, [one])),
      ]),
    );
    const calendar = Object.fromEntries(
      choice.reasons.map((one) => [
        one,
        total(series(choice, "absence_days", choice.from, choice.to, [one])),
      ]),
    );
    const all = total(sums.map((one) => total(one.perPeriod)));
    const figure = (reason, quantity, value) =>
      element(
        "span",
        { "data-reason": reason, "data-quantity": quantity, "data-value": value },
        count(value),
      );
    table(
      "by-reason",
      ["Reason", "Calendar days", "Working days", "Share"],
      choice.reasons.map((reason) => [
        element(
          "span",
          { style: swatch(reason) },
          element("i", { class: "key", "aria-hidden": "true" }),
          ` ${labels[reason]}`,
        ),
        figure(reason, "absence_days", calendar[reason]),
        figure(reason, "absence_working_days", working[reason]),
        percent(all ? total(sums.find((one) => one.reason === reason).perPeriod) / all : null),
      ]),
      (at) => at > 0,
    );
  }

  function drawHeat(choice) {
    const people = series(choice, "absence_days", choice.from, choice.to);
    const most = Math.max(1, ...people);
    const years = [];
    for (
      let year = Number(textOf(choice.from).slice(0, 4));
      year <= Number(textOf(choice.to).slice(0, 4));
      year += 1
    )
      years.push(year);
    const isNarrow = byId("heat").clientWidth < 560;
    const cell = isNarrow ? [15, 13] : ["auto", 15];
    const height = isNarrow ? 53 * 15 + 40 : 7 * 15 + 48;
    byId("heat").style.height =
      (isNarrow ? height * Math.ceil(years.length / 2) : height * years.length + 46) +
      (isNarrow ? 46 : 0) +
      "px";
    if (charts.heat) charts.heat.resize();
    // Coloured by the root: a bank holiday, when nearly all are out, would pale every other day.
    const days = people.map((value, at) => [textOf(choice.from + at), value, Math.sqrt(value)]);
    const busiest = people.indexOf(most);
    draw(
      "heat",
      {
        tooltip: {
          formatter: ({ value }) =>
            `${longDate(dayOf(value[0]))}<br><b>${plural(value[1], "person", "people")}</b> out`,
        },
        visualMap: {
          min: 0,
          max: Math.sqrt(most),
          dimension: 2,
          calculable: false,
          orient: "horizontal",
          left: "center",
          top: 0,
          itemHeight: 120,
          itemWidth: 12,
          text: [`${count(most)} people`, "0"],
          textStyle: { color: colour("--soft") },
          inRange: { color: [0, 1, 2, 3, 4].map((step) => colour(`--heat-${step}`)) },
        },
        calendar: years.map((year, at) => ({
          range: String(year),
          cellSize: cell,
          orient: isNarrow ? "vertical" : "horizontal",
          top: isNarrow ? 70 + height * Math.floor(at / 2) : 66 + height * at,
          left: isNarrow ? 40 + (at % 2) * 150 : 56,
          right: isNarrow ? undefined : 8,
          itemStyle: { color: "transparent", borderColor: colour("--card"), borderWidth: 2 },
          splitLine: { show: false },
          dayLabel: {
            firstDay: 1,
            nameMap: ["S", "M", "T", "W", "T", "F", "S"],
            color: colour("--soft"),
            fontSize: 10,
          },
          monthLabel: { color: colour("--soft") },
          yearLabel: { color: colour("--ink"), fontSize: 13, margin: isNarrow ? 22 : 30 },
        })),
        series: years.map((year, at) => ({
          type: "heatmap",
          coordinateSystem: "calendar",
          calendarIndex: at,
          data: days.filter(([text]) => text.startsWith(`${year}-`)),
        })),
      },
      total(people) === 0
        ? "Nobody is out in these dates for these reasons."
        : `The fullest day is ${longDate(choice.from + busiest)}: ${plural(most, "person", "people")} out. The average day has ${(total(people) / people.length).toFixed(1)}.`,
    );
    const fullest = people
      .map((value, at) => [choice.from + at, value])
      .sort((a, b) => b[1] - a[1] || a[0] - b[0])
      .slice(0, 20);
    table(
      "heat-table",
      ["Day", "People out"],
      fullest.map(([day, value]) => [longDate(day), count(value)]),
      (at) => at > 0,
    );
    return { most: total(people) ? most : 0, busiest: total(people) ? choice.from + busiest : null };
  }

  function drawSeasons(choice) {
    const years = {};
    series(choice, choice.measure, choice.from, choice.to).forEach((value, at) => {
      const text = textOf(choice.from + at);
      const year = text.slice(0, 4);
      years[year] ??= new Array(12).fill(null);
      const months = years[year];
      const month = Number(text.slice(5, 7)) - 1;
      months[month] = (months[month] || 0) + value;
    });
    const names = Object.keys(years);
    const shades = [
      "--reason-vacation",
      "--reason-travel",
      "--reason-unspecified",
      "--reason-custom",
      "--reason-sick",
    ];
    const perMonth = MONTHS.map((_, month) => total(names.map((year) => years[year][month] || 0)));
    const high = perMonth.indexOf(Math.max(...perMonth));
    draw(
      "seasons",
      {
        grid: { left: 8, right: 44, top: 14, bottom: 10, containLabel: true },
        tooltip: { trigger: "axis" },
        xAxis: axis({ type: "category", data: MONTHS, splitLine: { show: false } }),
        yAxis: axis({ type: "value", minInterval: 1 }),
        series: names.map((year, at) => ({
          type: "line",
          name: year,
          data: years[year],
          symbolSize: 6,
          lineStyle: { width: 2.5 },
          itemStyle: { color: colour(shades[at % shades.length]) },
          endLabel: { show: true, formatter: "{a}", color: colour("--ink") },
        })),
      },
      total(perMonth) === 0
        ? "No absence in these dates for these reasons."
        : `Over ${plural(names.length, "year", "years")}, most days of absence fall in ${MONTHS[high]} (${count(perMonth[high])}). A year that is only partly in the dates has a shorter line.`,
    );
    table(
      "seasons-table",
      ["Month", ...names],
      MONTHS.map((month, at) => [
        month,
        ...names.map((year) => (years[year][at] === null ? "–" : count(years[year][at]))),
      ]),
      (at) => at > 0,
    );
  }

  function drawPeaks(choice) {
    const days = Math.min(90, lastDay - today + 1);
    const people = series(choice, "absence_days", today, today + days - 1);
    const most = Math.max(0, ...people);
    const top = people
      .map((value, at) => [today + at, value])
      .filter(([, value]) => value > 0)
      .sort((a, b) => b[1] - a[1] || a[0] - b[0])
      .slice(0, 10);
    draw(
      "peaks",
      {
        grid: { left: 8, right: 12, top: 22, bottom: 10, containLabel: true },
        tooltip: {
          trigger: "axis",
          formatter: ([{ dataIndex, value }]) =>
            `${longDate(today + dataIndex)}<br><b>${plural(value, "person", "people")}</b> out`,
        },
        xAxis: axis({
          type: "category",
          data: people.map((_, at) => shortDate(today + at)),
          boundaryGap: false,
          splitLine: { show: false },
        }),
        yAxis: axis({ type: "value", minInterval: 1 }),
        series: [
          {
            type: "line",
            step: "middle",
            data: people,
            symbol: "none",
            lineStyle: { width: 2, color: colour("--accent") },
            areaStyle: { color: colour("--accent"), opacity: 0.14 },
            markLine: most
              ? {
                  symbol: "none",
                  label: {
                    formatter: `most: ${count(most)}`,
                    color: colour("--ink"),
                    position: "insideEndTop",
                  },
                  lineStyle: { color: colour("--soft") },
                  data: [{ yAxis: most }],
                }
              : undefined,
          },
        ],
      },
      top.length
        ? `The fullest day ahead is ${longDate(top[0][0])}: ${plural(top[0][1], "person", "people")} out.`
        : "Nobody is out in the next 90 days for these reasons.",
    );
    table(
      "peaks-table",
      ["Day", "People out"],
      top.map(([day, value]) => [longDate(day), count(value)]),
      (at) => at > 0,
    );
    return top[0];
  }

  // Lists of people.
  function drawOut(choice) {
    const monday = dayOf(facts.monday_on);
    const days = Array.from({ length: facts.days_shown }, (_, at) => monday + at);
    byId("out-dates").textContent = `${longDate(days[0])} to ${longDate(days.at(-1))}`;
    const rows = new Map();
    for (const organization of choice.organizations)
      for (const entry of organization.out.filter((one) => choice.reasons.includes(one.reason))) {
        const key = `${organization.organization_id}/${entry.user_id}`;
        if (!rows.has(key)) rows.set(key, { entry, days: {}, covers: new Set() });
        const row = rows.get(key);
        if (entry.covering_user_id !== null)
          row.covers.add(entry.covering_name || `Person ${entry.covering_user_id}`);
        for (const day of days)
          if (dayOf(entry.starts_on) <= day && day <= dayOf(entry.ends_on)) {
            const before = row.days[day];
            const order = Object.keys(labels);
            if (!before || order.indexOf(entry.reason) < order.indexOf(before)) row.days[day] = entry.reason;
          }
      }
    const people = [...rows.values()];
    const shown = state.showsAll ? people : people.slice(0, FEW_ROWS);
    const mark = (day) =>
      [weekdayOf(day) > 4 ? "weekend" : "", day === today ? "today" : ""].join(" ").trim() || null;
    const header = element(
      "tr",
      {},
      element("th", { scope: "col" }, "Person"),
      ...days.map((day) =>
        element(
          "th",
          { scope: "col", class: mark(day) },
          "MTWTFSS"[weekdayOf(day)],
          element("small", {}, String(Number(textOf(day).slice(8)))),
        ),
      ),
    );
    const body = shown.map(({ entry, days: own, covers }) =>
      element(
        "tr",
        {},
        element(
          "th",
          { scope: "row" },
          entry.name || `Person ${entry.user_id}`,
          ...(covers.size ? [element("small", {}, `covered by ${[...covers].join(", ")}`)] : []),
        ),
        ...days.map((day) =>
          element(
            "td",
            { class: mark(day) },
            ...(own[day]
              ? [
                  element(
                    "b",
                    {
                      style: swatch(own[day]),
                      title: `${labels[own[day]]}, ${longDate(day)}`,
                      "aria-label": labels[own[day]],
                    },
                    labels[own[day]][0],
                  ),
                ]
              : []),
          ),
        ),
      ),
    );
    byId("out").replaceChildren(element("thead", {}, header), element("tbody", {}, ...body));
    const cut = total(choice.organizations.map((one) => one.out_rows - one.out.length));
    const more = byId("out-more");
    more.replaceChildren();
    if (!people.length) more.append("Nobody is out in these two weeks for these reasons.");
    if (people.length > shown.length) {
      const button = element("button", { type: "button" }, `Show all ${count(people.length)} people`);
      button.addEventListener("click", () => {
        state.showsAll = true;
        drawOut(chosen());
      });
      more.append(button);
    }
    if (cut)
      more.append(
        ` ${plural(cut, "more entry is", "more entries are")} not listed here: ask ooo query who_is_out.`,
      );
  }

  function drawConflicts(choice) {
    const rows = choice.organizations
      .flatMap((one) => one.conflicts)
      .filter((one) => choice.reasons.includes(one.reason));
    const cut = total(choice.organizations.map((one) => one.conflicts_rows - one.conflicts.length));
    byId("conflicts-text").textContent = rows.length
      ? `${plural(rows.length + cut, "working day", "working days")} on which someone is out and so is the person who covers.`
      : "None: wherever a cover is named, the cover is there.";
    table(
      "conflicts",
      ["Day", "Out", "Cover, out too"],
      rows.map((one) => [
        element(
          "span",
          { class: "day", title: longDate(dayOf(one.date_on)) },
          weekdayDate(dayOf(one.date_on)),
        ),
        `${one.name || `Person ${one.user_id}`} (${labels[one.reason].toLowerCase()})`,
        `${one.covering_name || `Person ${one.covering_user_id}`} (${labels[one.covering_reason].toLowerCase()})`,
      ]),
    );
    return rows.length + cut;
  }

  function drawNow(choice) {
    drawOut(choice);
    const conflicts = drawConflicts(choice);
    const peak = drawPeaks(choice);
    const out = total(series(choice, "absence_days", today, today));
    const headcount = total(choice.organizations.map((one) => one.people));
    tiles("now-tiles", [
      ["out-today", count(out), `out on ${longDate(today)}`, out],
      ["headcount", count(headcount), "people in all", headcount],
      [
        "next-peak",
        peak ? count(peak[1]) : "0",
        peak ? `out on ${longDate(peak[0])}, the peak ahead` : "no peak ahead",
        peak ? peak[1] : 0,
      ],
      ["conflicts-ahead", count(conflicts), "working days without a present cover, 90 days ahead", conflicts],
    ]);
  }

  function drawRange(choice) {
    byId("range").textContent = `${longDate(choice.from)} to ${longDate(choice.to)}`;
    drawHistory(choice);
    drawSeasons(choice);
    const { most, busiest } = drawHeat(choice);
    const calendar = total(series(choice, "absence_days", choice.from, choice.to));
    const working = total(series(choice, "absence_working_days", choice.from, choice.to));
    const lost = total(series(choice, "lost_working_days", choice.from, choice.to));
    const conflicts = total(series(choice, "conflict_days", choice.from, choice.to));
    const rate = available(choice) ? lost / available(choice) : null;
    tiles("range-tiles", [
      ["absence-days", count(calendar), "days of absence", calendar],
      ["absence-working-days", count(working), "of them working days", working],
      [
        "absence-rate",
        percent(rate),
        "of available working days lost, public holidays aside",
        rate === null ? "" : rate,
      ],
      [
        "busiest-day",
        count(most),
        busiest === null ? "nobody out" : `out on ${longDate(busiest)}, the fullest day`,
        most,
      ],
      ["conflict-days", count(conflicts), "days with cover and covered both out", conflicts],
    ]);
  }

  function drawTrust(choice) {
    const stale = total(choice.organizations.map((one) => one.people_stale));
    const staleEntries = total(choice.organizations.map((one) => one.entries_stale));
    const entries = total(choice.organizations.map((one) => one.entries));
    byId("trust-text").replaceChildren(
      element(
        "span",
        { class: `mark ${stale || staleEntries ? "warn" : "good"}` },
        stale || staleEntries
          ? `${plural(stale, "person", "people")} and ${plural(staleEntries, "entry", "entries")} could not be confirmed by the newest snapshot.`
          : `All ${count(entries)} entries were confirmed by the newest snapshot.`,
      ),
      " A row is deleted only when a snapshot proved it gone; what an error hid stays, and is counted here.",
    );
    table(
      "runs",
      [
        "Snapshot (UTC)",
        "Outcome",
        "Read",
        "New",
        "Changed",
        "Deleted",
        "Set aside",
        "Scopes without proof",
        "Requests",
      ],
      choice.organizations
        .flatMap((one) => one.runs)
        .sort((a, b) => (a.started_at < b.started_at ? 1 : -1))
        .map((run) => [
          run.started_at.replace("T", " ").slice(0, 16),
          element(
            "span",
            { class: `mark ${{ complete: "good", partial: "warn" }[run.outcome] || "bad"}` },
            run.outcome,
          ),
          ...["rows_in", "rows_inserted", "rows_updated", "rows_deleted", "rows_quarantined"].map((name) =>
            count(run[name]),
          ),
          count(run.scopes_unproven + run.scopes_failed),
          count(run.requests),
        ]),
      (at) => at > 1,
    );
    const worst = choice.organizations.map((one) => one.runs[0]?.outcome || "failed");
    const outcome = worst.includes("failed") ? "failed" : worst.includes("partial") ? "partial" : "complete";
    const words = {
      complete: ["good", "complete"],
      partial: ["warn", "partly read: what failed shows yesterday's rows"],
      failed: ["bad", "the last run failed: what you see is the run before"],
    };
    byId("status").replaceChildren(
      choice.organizations.length === 1
        ? `Organization ${choice.organizations[0].organization_id}, `
        : `${choice.organizations.length} organizations, `,
      `as of ${longDate(today)}, ${facts.as_of.slice(11, 16)} UTC: `,
      element("span", { class: `mark ${words[outcome][0]}`, id: "outcome" }, words[outcome][1]),
    );
  }

  function redraw() {
    const choice = chosen();
    const problem = problemOf(choice);
    byId("problem").textContent = problem;
    if (problem) return;
    drawNow(choice);
    drawRange(choice);
    drawTrust(choice);
  }

  // The controls.
  function setDates(from, to) {
    byId("from").value = textOf(Math.max(from, firstDay));
    byId("to").value = textOf(Math.min(to, lastDay));
  }

  function setUp() {
    const year = Number(textOf(today).slice(0, 4));
    const ranges = [
      ["Last 90 days", today - 89, today],
      ["Next 90 days", today, today + 89],
      ["This year", dayOf(`${year}-01-01`), dayOf(`${year}-12-31`)],
      ["Last year", dayOf(`${year - 1}-01-01`), dayOf(`${year - 1}-12-31`)],
      ["All", firstDay, lastDay],
    ];
    byId("presets").append(
      ...ranges.map(([name, from, to]) => {
        const button = element("button", { type: "button" }, name);
        button.addEventListener("click", () => {
          setDates(from, to);
          redraw();
        });
        return button;
      }),
    );
    for (const id of ["from", "to"]) {
      byId(id).min = facts.first_on;
      byId(id).max = facts.last_on;
    }
    setDates(dayOf(`${year - 1}-01-01`), dayOf(`${year}-12-31`));
    const used = new Set(facts.organizations.flatMap((one) => Object.keys(one.absence_days)));
    byId("reasons").append(
      ...facts.reasons
        .filter((one) => used.has(one.reason))
        .map((one) =>
          element(
            "label",
            { style: swatch(one.reason) },
            element("input", { type: "checkbox", value: one.reason, checked: "" }),
            element("i", { "aria-hidden": "true" }),
            one.label,
          ),
        ),
    );
    if (facts.organizations.length > 1) {
      byId("organization-field").hidden = false;
      byId("organization").append(element("option", { value: "" }, "all"));
    }
    byId("organization").append(
      ...facts.organizations.map((one) =>
        element("option", { value: one.organization_id }, String(one.organization_id)),
      ),
    );
    document.querySelector(".filters").addEventListener("change", redraw);
    setUpTheme();
    byId("foot").textContent = facts.footer;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) {
        width = innerWidth;
        resize();
        redraw();
      }
    });
    addEventListener("beforeprint", resize);
    addEventListener("afterprint", resize);
  }

  function resize() {
    for (const chart of Object.values(charts)) chart.resize();
  }

  function setUpTheme() {
    const button = byId("theme");
    const themes = ["auto", "light", "dark"];
    let at = 0;
    button.addEventListener("click", () => {
      at = (at + 1) % themes.length;
      if (at === 0) delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = themes[at];
      button.textContent = `Colours: ${themes[at]}`;
      button.setAttribute("aria-label", `Colours: ${at === 0 ? "as the system has them" : themes[at]}`);
      redraw();
    });
  }

  setUp();
  redraw();
  document.documentElement.dataset.ready = "yes";
})();
