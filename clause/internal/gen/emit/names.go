package emit

var kinds = map[string]string{
	"requirement": "Requirement", "recommendation": "Recommendation", "information": "Information",
}

var areas = map[string]string{
	"risk": "AreaRisk", "disclosure": "AreaDisclosure", "vulnerability": "AreaVulnerability",
	"config": "AreaConfig", "reset": "AreaReset", "erase": "AreaErase", "protect": "AreaProtect",
	"access": "AreaAccess", "update": "AreaUpdate", "notify": "AreaNotify",
}

var groups = map[string]string{
	"":               `""`,
	"5.2.5.2.1-fail": "GroupStartFailure",
	"5.2.5.2.2-sync": "GroupLogSync",
	"5.2.7.2-impact": "GroupImpact",
}

var conditions = map[string]string{
	"":                                       `""`,
	"configuration settings can be modified": "CondSettings",
	"device can change configuration of IoT or other devices": "CondConfiguresOthers",
	"a procedure to update or change settings exists":         "CondSettingsProcedure",
	"device can be reset":                                     "CondReset",
	"device stores user data":                                 "CondUserData",
	"remote interface can change configuration or administer": "CondRemoteAdministration",
	"type-safe language not possible":                         "CondUnsafeLanguage",
	"device supports software updates":                        "CondUpdates",
	"remote update procedure":                                 "CondRemoteUpdates",
}

var conditionsByID = map[string]string{
	"5.2.5.2.1.F": "CondCompartments",
	"5.2.5.2.2.A": "CondLogging",
}
