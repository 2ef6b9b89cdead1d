// What is opened from here is told to the portal alone, beside the link that is followed; without
// scripts nothing is counted.
{
  const { csrf } = document.currentScript.dataset;

  for (const kind of ["click", "auxclick"])
    document.addEventListener(kind, (event) => {
      const item = event.target.closest("a.app")?.closest("[data-application]");
      const application = item?.dataset.application;
      if (application && event.button < 2) navigator.sendBeacon("/portail/usage", new URLSearchParams({ csrf, application }));
    });
}
