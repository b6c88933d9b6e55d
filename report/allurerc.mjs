// Read by Allure; headless_conformance/results/html.py hands over paths and titles.
const settings = JSON.parse(process.env.REPORT_SETTINGS);

const releaseOf = (minor) => ({
  name: `Kubernetes ${minor}`,
  matcher: ({ labels }) => labels.some(({ name, value }) => name === "kubernetes" && value === minor),
});

export default {
  name: settings.title,
  output: settings.output,
  historyPath: settings.history,
  appendHistory: true,
  environments: Object.fromEntries(settings.minors.map((minor) => [`v${minor.replace(".", "-")}`, releaseOf(minor)])),
  plugins: {
    awesome: {
      options: {
        reportName: settings.title,
        reportLanguage: settings.lang,
        singleFile: true,
        groupBy: ["parentSuite", "suite", "subSuite"],
      },
    },
  },
};
