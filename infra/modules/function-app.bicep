// The function app on Flex Consumption, with every connection by identity.
//
// The one text with a key in it is Application Insights' own; with local authentication off there, it
// only says where to send logs. Settings that Flex Consumption refuses are not here: the runtime is
// stated in `functionAppConfig`.

// As in main.bicep.
@sealed()
type setting = {
  name: string
  value: string
}

param name string
param planName string
param location string
param tags { *: string }
param identityName string
param storageAccountName string
param packageContainer string
param serviceBusName string
param insightsName string
param subscriptions string[]
param maximumInstanceCount int
param instanceMemoryMB int
param alwaysReady int
param statusPage bool
param settings setting[]
param otlpEndpoint string

@description('Empty: no tag says which policy runs.')
param policyHash string

@secure()
param otlpHeaders string

// Without a collector nothing of it is set.
var collector = empty(otlpEndpoint) ? [] : [
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT'
    value: otlpEndpoint
  }
]
var collectorHeaders = empty(otlpHeaders) ? [] : [
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS'
    value: otlpHeaders
  }
]

// The package is not to be read from outside; this says which policy is in it.
var policyTag = {
  'tether-policy': policyHash
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageAccountName
}

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: serviceBusName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: empty(policyHash) ? tags : union(tags, policyTag)
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'custom'
        version: '1.0'
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: alwaysReady == 0 ? [] : [
          {
            name: 'function:command-received'
            instanceCount: alwaysReady
          }
        ]
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: concat([
        {
          // With a name alone the host would make the address itself, with the public cloud's ending, and
          // look for tables that it has no right to.
          name: 'AzureWebJobsStorage__blobServiceUri'
          value: storage.properties.primaryEndpoints.blob
        }
        {
          name: 'AzureWebJobsStorage__credential'
          value: 'managedidentity'
        }
        {
          name: 'AzureWebJobsStorage__clientId'
          value: identity.properties.clientId
        }
        {
          name: 'ServiceBus__fullyQualifiedNamespace'
          value: split(split(bus.properties.serviceBusEndpoint, '/')[2], ':')[0]
        }
        {
          name: 'ServiceBus__credential'
          value: 'managedidentity'
        }
        {
          name: 'ServiceBus__clientId'
          value: identity.properties.clientId
        }
        {
          name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
          value: insights.properties.ConnectionString
        }
        {
          name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
          value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
        }
        {
          name: 'AZURE_CLIENT_ID'
          value: identity.properties.clientId
        }
        {
          name: 'TETHER_AUTH'
          value: 'managed-identity'
        }
        {
          name: 'TETHER_TENANT'
          value: tenant().tenantId
        }
        {
          name: 'TETHER_SUBSCRIPTIONS'
          value: join(subscriptions, ',')
        }
        {
          name: 'TETHER_STATUS'
          value: statusPage ? 'on' : 'off'
        }
        {
          name: 'AzureWebJobs.status.Disabled'
          value: statusPage ? 'false' : 'true'
        }
      ], collector, collectorHeaders, settings)
    }
  }
}

// Deployment is by token only.
resource noPasswordForFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noPasswordForDeployment 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output id string = app.id
output name string = app.name
