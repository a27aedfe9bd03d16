//! The names of Bicep's own decorators and functions, those of its namespaces `sys` and `az`. Whatever a
//! file calls so hides them there: a parameter `description` makes `@description` an error. Taken from
//! `SystemNamespaceType` and `AzNamespaceType` of Azure/bicep at commit 9beb0fee (21 August 2026).

const DECORATORS: [&str; 18] = [
    "allowed",
    "batchSize",
    "description",
    "discriminator",
    "export",
    "maxLength",
    "maxValue",
    "metadata",
    "minLength",
    "minValue",
    "nullIfNotFound",
    "onlyIfNotExists",
    "patch",
    "retryOn",
    "sealed",
    "secure",
    "validate",
    "waitUntil",
];

const SYS: [&str; 77] = [
    "any",
    "array",
    "base64",
    "base64ToJson",
    "base64ToString",
    "bool",
    "buildUri",
    "cidrHost",
    "cidrSubnet",
    "coalesce",
    "concat",
    "contains",
    "dataUri",
    "dataUriToString",
    "dateTimeAdd",
    "dateTimeFromEpoch",
    "dateTimeToEpoch",
    "distinct",
    "empty",
    "endsWith",
    "externalInput",
    "fail",
    "filter",
    "first",
    "flatten",
    "format",
    "groupBy",
    "guid",
    "indexOf",
    "int",
    "intersection",
    "items",
    "join",
    "json",
    "last",
    "lastIndexOf",
    "length",
    "like",
    "loadDirectoryFileInfo",
    "loadFileAsBase64",
    "loadJsonContent",
    "loadTextContent",
    "loadYamlContent",
    "map",
    "mapValues",
    "max",
    "min",
    "nameof",
    "newGuid",
    "objectKeys",
    "padLeft",
    "parseCidr",
    "parseUri",
    "range",
    "readCliArg",
    "readEnvironmentVariable",
    "readEnvVar",
    "reduce",
    "replace",
    "shallowMerge",
    "skip",
    "sort",
    "split",
    "startsWith",
    "string",
    "substring",
    "take",
    "toLower",
    "toObject",
    "toUpper",
    "trim",
    "union",
    "uniqueString",
    "uri",
    "uriComponent",
    "uriComponentToString",
    "utcNow",
];

/// Besides all that begins with `list`
const AZ: [&str; 21] = [
    "deployer",
    "deployment",
    "environment",
    "extensionResourceId",
    "getSecret",
    "managementGroup",
    "managementGroupResourceId",
    "pickZones",
    "providers",
    "reference",
    "resourceGroup",
    "resourceId",
    "roleDefinitions",
    "subscription",
    "subscriptionResourceId",
    "tenant",
    "tenantResourceId",
    "toLogicalZone",
    "toLogicalZones",
    "toPhysicalZone",
    "toPhysicalZones",
];

/// Types, and the namespaces themselves
const OTHERS: [&str; 5] = ["az", "object", "resourceInput", "resourceOutput", "sys"];

pub(super) fn is_reserved(name: &str) -> bool {
    is_function(name) || is_decorator(name) || OTHERS.contains(&name)
}

pub(super) fn is_decorator(name: &str) -> bool {
    DECORATORS.contains(&name)
}

/// The functions that a file may call
pub(super) fn is_function(name: &str) -> bool {
    let is_list = name
        .strip_prefix("list")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_uppercase));
    is_list || SYS.contains(&name) || AZ.contains(&name)
}
